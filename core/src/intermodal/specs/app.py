"""The spec of a whole function or class of an app: what a client registers before it calls."""

from __future__ import annotations

from dataclasses import dataclass

from intermodal.specs.files import FileTree
from intermodal.specs.function import CodeTarget, MethodSpec, RetryPolicy, Scaling, SourceTree
from intermodal.specs.image import ImageSpec
from intermodal.specs.resources import Resources
from intermodal.specs.schedule import CronSpec, PeriodSpec

__all__ = ["AppSpec", "BucketSpec", "FunctionSpec", "MountSpec", "VolumeSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MountSpec:
    """A tree shown read-only at the absolute path `target` in each container (image.context, `copy=False`)."""

    tree: FileTree
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeSpec:
    """A volume shown at the absolute path `target` in each container: by `id`, or by name (made where it is missing
    and `create` says so; `environment` "" is the one that is configured)."""

    target: str
    id: str | None = None
    name: str = ""
    environment: str = ""
    create: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketSpec:
    """An S3 bucket shown as files at the absolute path `target`: what is below `prefix` ("" or with a "/" at its end).

    `endpoint` "" is AWS. `secret` is the name of the secret with the credentials; None: there are none."""

    target: str
    bucket: str
    endpoint: str = ""
    prefix: str = ""
    secret: str | None = None
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSpec:
    """A Function or Cls. `key` is "module:qualname", the same at both ends, and binds calls made inside containers.

    Durations are seconds. `env` is for containers; secrets' values are resolved by the driver, never stored here.
    `schedule` is the server's, of deployed apps.
    """

    app: str
    name: str
    key: str
    target: CodeTarget
    image: ImageSpec
    source: SourceTree = SourceTree()
    mounts: tuple[MountSpec, ...] = ()
    resources: Resources = Resources()
    methods: tuple[MethodSpec, ...] = (MethodSpec(),)
    is_class: bool = False
    parameters: tuple[str, ...] = ()
    scaling: Scaling = Scaling()
    retries: RetryPolicy | None = None
    timeout_s: float = 300.0
    startup_timeout_s: float | None = None
    max_inputs: int = 1
    target_inputs: int | None = None
    env: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    block_network: bool = False
    snapshot: bool = False
    single_use: bool = False
    volumes: tuple[VolumeSpec, ...] = ()
    buckets: tuple[BucketSpec, ...] = ()
    schedule: CronSpec | PeriodSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSpec:
    """An app: its functions by key."""

    name: str
    functions: tuple[FunctionSpec, ...] = ()
