"""The role protocols, but for that of storage: questions that a backend answers, each a small typed object that a hook
returns.

All methods run on the driver's event loop and must not block it. Public to authors of backends.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from intermodal.exception import CapabilityNotSupported
from intermodal.specs import (
    ContainerSpec,
    GpuRequest,
    ImageBase,
    ImageSpec,
    ImageStep,
    ResourceTotals,
    SharedMount,
    VolumeMount,
    content_hash,
    step_resources,
)

__all__ = [
    "Blobs",
    "BucketContainer",
    "BuildGrants",
    "BuildSink",
    "Builder",
    "BuiltImage",
    "Capabilities",
    "Container",
    "ContainerExit",
    "ExecProcess",
    "GpuAllocator",
    "GpuDevice",
    "GpuLease",
    "GrantedBuilder",
    "ImageInfo",
    "LaunchBusy",
    "LaunchRefused",
    "Launcher",
    "OutputSink",
    "PruneReport",
    "PythonContainer",
    "SnapshotBuilder",
    "SnapshotContainer",
    "StepGpus",
    "TellingGpus",
    "VolumeContainer",
    "VolumeInUse",
]


class LaunchBusy(Exception):
    """The host lacks room *now* (another engine holds it). The engine waits, says so, and tries again."""


class LaunchRefused(Exception):
    """This container can never start here; the message says why and what to do. Its waiting inputs fail with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a backend can do, as data. Names are those of the conformance manifest; an unknown name is an error.

    Known names: "isolation.filesystem", "isolation.network", "isolation.pid", "network.block",
    "network.cidr_allowlist", "limits.memory", "limits.cpu", "limits.pids", "image.pip_install", "image.apt_install",
    "image.run_commands", "image.run_function", "image.copy", "image.python_version", "image.from_registry",
    "image.from_scratch", "image.entrypoint", "image.secrets", "image.stages", "image.mounts", "image.user",
    "image.gpu", "image.cpu", "image.memory", "snapshot", "exec", "volumes", "bucket.mount", "gpu", "fd_passing".
    """

    supported: frozenset[str]
    #: why a missing one is missing, and what to do; of a supported one, within what bounds it is. The first word of
    #: names ("image", "limits") stands for all of them that are not supported and have no note of their own
    notes: Mapping[str, str] = field(default_factory=dict)


# ---- build -------------------------------------------------------------------------------------------------------


class Blobs(Protocol):
    """Content-addressed bytes of this session, by SHA-256 in hex."""

    def path(self, blob: str) -> Path:
        """A read-only local file with the blob's bytes. Raises `KeyError` where it is unknown."""
        ...


class BuildSink(Protocol):
    """Where a builder reports progress. Thread-safe, never blocks."""

    def step(self, number: int, total: int, title: str, *, cached: bool) -> None: ...
    def output(self, number: int, line: str) -> None: ...


class StepGpus(Protocol):
    """Where the steps of one build get their devices. For any thread but the driver's loop."""

    def hold(self, request: GpuRequest, number: int, check: Callable[[], None]) -> AbstractContextManager[GpuLease]:
        """Devices for the step `number`, until the context is left. Whoever is about to run the step asks: one that a
        cache has needs none.

        It blocks while they are in use, and tells the build's sink. `check` is called meanwhile, and raises where the
        build was cancelled. Raises `ResourceExhaustedError`, which is to reach whoever wants the image as it is.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildGrants:
    """What a build may use and must not keep: the values of `secrets`, by the names that the image's steps and base
    have. They belong into the environment of the step that names them: never into a layer, a cache key or a log.
    `gpus`: there where a step asks for devices."""

    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    gpus: StepGpus | None = field(default=None, repr=False)

    def of(self, names: Sequence[str]) -> dict[str, str]:
        """The variables of several secrets; the later one wins."""
        return {key: value for name in names for key, value in self.secrets[name].items()}

    def devices(
        self, step: ImageStep | ImageBase, number: int, check: Callable[[], None]
    ) -> AbstractContextManager[GpuLease | None]:
        """What `step` asks for, held until the context is left (`StepGpus.hold`); None where it asks for none."""
        request = step_resources(step).gpu
        if request is None:
            return nullcontext()
        if self.gpus is None:
            raise ValueError("a step asks for GPUs, and the build was granted none")
        return self.gpus.hold(request, number, check)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltImage:
    """Something launchable. `id` is the image definition's content hash; `ref` means something to this backend only.

    `python` is the version inside as exactly as it is known ("3.11.2"), or "" for none; `env` and `workdir` are what
    the image sets.
    """

    id: str
    ref: str
    python: str
    env: tuple[tuple[str, str], ...] = ()
    workdir: str = "/root"

    @classmethod
    def of(cls, image: ImageSpec, ref: str, *, python: str | None = None) -> BuiltImage:
        """What `image` became. `python`: the version inside; default: as exactly as the definition says."""
        return cls(
            id=content_hash(image),
            ref=ref,
            python=image.base.python if python is None else python,
            env=tuple(image.env().items()),
            workdir=image.workdir(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """One cached layer or image, or what else builds and containers keep in the backend, for `intermodal image ls`.

    `created` and `used` are Unix seconds; `size` is bytes.
    """

    id: str
    title: str
    size: int
    created: float
    used: float
    in_use: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PruneReport:
    """What a prune freed."""

    removed: tuple[str, ...]
    bytes_freed: int


@runtime_checkable
class Builder(Protocol):
    """build: turn an image definition into something launchable. Derive from it, and `build` is all you must write."""

    async def build(self, image: ImageSpec, blobs: Blobs, sink: BuildSink) -> BuiltImage:
        """Build, or find in the cache. Concurrent calls for one step share the work, across processes too.

        Raises `ImageBuildError` (step number, title, last output) or `CapabilityNotSupported`.
        """
        ...

    async def images(self) -> Sequence[ImageInfo]:
        """What the cache holds. Here: nothing that could be told apart."""
        return ()

    async def prune(self, *, everything: bool = False, older_than_s: float = 0.0) -> PruneReport:
        """Remove what was not used for `older_than_s` seconds, or all that is not in use. Here: nothing."""
        return PruneReport(removed=(), bytes_freed=0)

    async def close(self) -> None:
        """Let go of everything. Idempotent."""
        return None


class GrantedBuilder(Protocol):
    """A `Builder` whose backend states "image.secrets" or "image.gpu". It gets `grants` for images that need some, and
    only then."""

    async def build(self, image: ImageSpec, blobs: Blobs, sink: BuildSink, grants: BuildGrants = ...) -> BuiltImage:
        """As `Builder.build`."""
        ...


@runtime_checkable
class SnapshotBuilder(Protocol):
    """What a `Builder` is besides whose backend has `SnapshotContainer`s."""

    async def find_snapshot(self, id: str) -> BuiltImage | None:
        """What a container's `snapshot` kept, in this session or an earlier one of the same data directory; None where
        there is none of this id, which anybody may have made up.

        From then on it is in use, until `close`. `images` lists it, and `prune` removes it, like what was built.
        """
        ...


# ---- GPU allocation ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuDevice:
    """One accelerator. `index` is its place in the inventory; `uuid` is what CUDA_VISIBLE_DEVICES gets, where it has
    one."""

    kind: str
    index: int
    uuid: str | None = None
    memory: int | None = None  #: MiB


@dataclass(frozen=True, slots=True, kw_only=True)
class GpuLease:
    """Devices held. `fds` are open file descriptions whose locks keep them: the launcher passes them to what supervises
    the container, so that the kernel frees the devices whatever way the container ends. The driver closes its own
    copies."""

    devices: tuple[GpuDevice, ...]
    env: tuple[tuple[str, str], ...]
    fds: tuple[int, ...] = ()


@runtime_checkable
class TellingGpus(Protocol):
    """What a `GpuAllocator` may be besides: one that knows who has what."""

    async def holders(self) -> Sequence[str]:
        """Other processes that hold devices, for people: which device, and who."""
        ...


@runtime_checkable
class GpuAllocator(Protocol):
    """GPU allocation: what accelerators are there; give me these, take them back."""

    async def inventory(self) -> Sequence[GpuDevice]: ...

    async def acquire(self, kind: str | None, count: int) -> GpuLease | None:
        """Take `count` free devices of one kind (None: any one kind). None where they are busy now."""
        ...

    async def release(self, lease: GpuLease) -> None:
        """Give up this process's hold. Idempotent. A container that still holds `fds` keeps the devices."""
        ...


# ---- launch --------------------------------------------------------------------------------------------------------

ExitCause = Literal["exited", "killed", "out_of_memory", "lost", "start_failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerExit:
    """How a container ended. `code` is 0..255, or 128+n for signal n. `detail` is for people: limit, peak, reason."""

    cause: ExitCause
    code: int | None = None
    detail: str = ""


class OutputSink(Protocol):
    """Takes the raw bytes that a container's file descriptors 1 and 2 produce. Never blocks; called on the loop."""

    def __call__(self, stream: Literal[1, 2], data: bytes) -> None: ...


class ExecProcess(Protocol):
    """A process started in a running container."""

    async def write(self, data: bytes) -> None: ...
    async def close_stdin(self) -> None: ...
    def output(self) -> AsyncIterator[tuple[Literal[1, 2], bytes]]: ...
    async def resize(self, rows: int, columns: int) -> None: ...
    async def signal(self, number: int) -> None: ...
    async def wait(self) -> int: ...


@runtime_checkable
class SnapshotContainer(Protocol):
    """What a `Container` may be besides: one whose filesystem can be kept."""

    async def snapshot(self, image: BuiltImage) -> str:
        """Keep its filesystem as it is now, while it runs on; the id by which the backend's `SnapshotBuilder` finds it.
        `image` is the container's own."""
        ...


@runtime_checkable
class PythonContainer(Protocol):
    """What a `Container` may be besides: one with a Python for what looks after it, whatever its image has."""

    @property
    def python(self) -> Sequence[str]:
        """The words that start it there, instead of `python3`."""
        ...


class Container(Protocol):
    """A running container, from launch until its exit was reported."""

    @property
    def id(self) -> str: ...

    @property
    def stream(self) -> socket.socket:
        """The connected, non-blocking duplex byte stream to the guest. AF_UNIX lets descriptors pass (large payloads by
        shared memory); a launcher whose transport is another kind pumps it into one end of a socketpair."""
        ...

    async def wait(self) -> ContainerExit:
        """The exit; the same answer every time. The sink got all output before, and no process of the container is left
        after: what it was given is free. What else there is of it may go later; when the launcher is closed, it has.
        """
        ...

    async def kill(self) -> None:
        """End every process in it now. Idempotent; returns when asked, `wait` tells when done."""
        ...

    async def set_parked(self, parked: bool) -> None:
        """Give back (True) or take again its cpu reservation while all of its inputs wait on nested calls."""
        ...

    async def exec(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        workdir: str | None = None,
        pty: bool = False,
        size: tuple[int, int] = (24, 80),
    ) -> ExecProcess:
        """Start a program besides the guest. With `pty` it has a terminal of so many rows and columns.

        Asked only of a backend with the capability "exec". A program that cannot be started raises `BackendError`,
        here or in the process's `wait`.
        """
        ...


class VolumeInUse(Exception):
    """A process of the container has a file of the volume open; the message names both."""


class VolumeContainer(Container, Protocol):
    """A `Container` whose backend states "volumes" (`ContainerSpec.volumes`)."""

    async def remount(self, volumes: Sequence[VolumeMount]) -> None:
        """Show these in place of what is mounted at their targets, without a moment in which neither is there.

        Raises `VolumeInUse` where a process of the container has something open in one of them, or its working
        directory: then nothing has changed. `intermodal.plugins.mounter` does all of it.
        """
        ...


class BucketContainer(Container, Protocol):
    """A `Container` whose backend states "bucket.mount"."""

    async def attach(self, mounts: Sequence[SharedMount]) -> None:
        """Show directories in it, so that nothing in the container can take them away. Asked before its guest was sent
        a boot frame (`Launcher.launch`). `intermodal.plugins.mounter` does all of it. Raises `BackendError`.
        """
        ...


@runtime_checkable
class Launcher(Protocol):
    """launch: start, stop, exec into, watch a container. `bare` need not be written by who derives from it."""

    async def totals(self) -> ResourceTotals:
        """What this backend has in all, for containers. Asked once per session, before anything is launched."""
        ...

    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> Container:
        """Start the guest in a new container. Returns when the stream exists; the guest may still be starting.

        `boot` is the complete first frame the guest reads: write it to the stream before anything else (a launcher that
        forks from a snapshot template has sent it to the template already, and the fork does not read it again). It may
        be empty: then whoever asks for the container sends it afterwards, and the spec asks for no snapshot.
        Cancelling this coroutine leaves nothing behind. Raises `LaunchBusy`, `LaunchRefused`, `CapabilityNotSupported`.
        """
        ...

    async def bare(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, output: OutputSink
    ) -> Container:
        """Start a container without a guest: nothing runs in it but what `exec` starts, and it lasts until `kill`.

        Asked only of a backend with the capability "exec". Nobody uses the container's `stream`. Cancelling and errors
        are as with `launch`.
        """
        raise CapabilityNotSupported("exec")

    async def close(self) -> None:
        """End everything this launcher started and remove every trace of it. Idempotent."""
        ...
