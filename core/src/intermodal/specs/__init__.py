"""The frozen, serialisable specs that definitions lower to. Public to authors of backends.

Standard library only and Python 3.10 syntax: guests import this room.
"""

from __future__ import annotations

from intermodal.specs.app import AppSpec, BucketSpec, FunctionSpec, MountSpec, VolumeSpec
from intermodal.specs.codec import content_hash, from_json, to_json
from intermodal.specs.container import ContainerSpec, HostMount, Network, SharedMount, VolumeMount
from intermodal.specs.files import FileEntry, FileTree
from intermodal.specs.function import BatchPolicy, CodeTarget, MethodSpec, RetryPolicy, Scaling, SourceTree
from intermodal.specs.image import (
    AddArchive,
    CacheMount,
    CopyFiles,
    CopyFrom,
    DebianSlim,
    FilesMount,
    ImageBase,
    ImageMount,
    ImageSpec,
    ImageStep,
    PythonPackages,
    Registry,
    RunCommands,
    RunFunction,
    Scratch,
    SecretMount,
    SetCmd,
    SetEntrypoint,
    SetEnv,
    Setting,
    SetUser,
    SetWorkdir,
    StepMount,
    SystemPackages,
    TmpfsMount,
    step_resources,
    step_sources,
)
from intermodal.specs.resources import GpuChoice, GpuRequest, Resources, ResourceTotals, StepResources
from intermodal.specs.sandbox import SandboxSpec
from intermodal.specs.schedule import CronSpec, PeriodSpec, ScheduleSpec
from intermodal.specs.secret import SecretName
from intermodal.specs.version import SPEC_VERSION
from intermodal.specs.web import WebKind, WebSpec

__all__ = [
    "SPEC_VERSION",
    "AddArchive",
    "AppSpec",
    "BatchPolicy",
    "BucketSpec",
    "CacheMount",
    "CodeTarget",
    "ContainerSpec",
    "CopyFiles",
    "CopyFrom",
    "CronSpec",
    "DebianSlim",
    "FileEntry",
    "FileTree",
    "FilesMount",
    "FunctionSpec",
    "GpuChoice",
    "GpuRequest",
    "HostMount",
    "ImageBase",
    "ImageMount",
    "ImageSpec",
    "ImageStep",
    "MethodSpec",
    "MountSpec",
    "Network",
    "PeriodSpec",
    "PythonPackages",
    "Registry",
    "ResourceTotals",
    "Resources",
    "RetryPolicy",
    "RunCommands",
    "RunFunction",
    "SandboxSpec",
    "Scaling",
    "ScheduleSpec",
    "Scratch",
    "SecretMount",
    "SecretName",
    "SetCmd",
    "SetEntrypoint",
    "SetEnv",
    "SetUser",
    "SetWorkdir",
    "Setting",
    "SharedMount",
    "SourceTree",
    "StepMount",
    "StepResources",
    "SystemPackages",
    "TmpfsMount",
    "VolumeMount",
    "VolumeSpec",
    "WebKind",
    "WebSpec",
    "content_hash",
    "from_json",
    "step_resources",
    "step_sources",
    "to_json",
]
