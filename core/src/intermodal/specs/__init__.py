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
    CopyFiles,
    DebianSlim,
    ImageBase,
    ImageSpec,
    ImageStep,
    PythonPackages,
    Registry,
    RunCommands,
    RunFunction,
    Scratch,
    SetCmd,
    SetEntrypoint,
    SetEnv,
    SetWorkdir,
    SystemPackages,
)
from intermodal.specs.resources import GpuChoice, GpuRequest, Resources, ResourceTotals
from intermodal.specs.sandbox import SandboxSpec
from intermodal.specs.version import SPEC_VERSION

__all__ = [
    "SPEC_VERSION",
    "AppSpec",
    "BatchPolicy",
    "BucketSpec",
    "CodeTarget",
    "ContainerSpec",
    "CopyFiles",
    "DebianSlim",
    "FileEntry",
    "FileTree",
    "FunctionSpec",
    "GpuChoice",
    "GpuRequest",
    "HostMount",
    "ImageBase",
    "ImageSpec",
    "ImageStep",
    "MethodSpec",
    "MountSpec",
    "Network",
    "PythonPackages",
    "Registry",
    "ResourceTotals",
    "Resources",
    "RetryPolicy",
    "RunCommands",
    "RunFunction",
    "SandboxSpec",
    "Scaling",
    "Scratch",
    "SetCmd",
    "SetEntrypoint",
    "SetEnv",
    "SetWorkdir",
    "SharedMount",
    "SourceTree",
    "SystemPackages",
    "VolumeMount",
    "VolumeSpec",
    "content_hash",
    "from_json",
    "to_json",
]
