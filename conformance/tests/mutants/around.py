"""Role objects that do all that another one does. A mutant overrides one method and gets it wrong."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from intermodal.plugins import (
    Blobs,
    Builder,
    BuildSink,
    BuiltImage,
    Container,
    ContainerExit,
    ExecProcess,
    GpuAllocator,
    GpuDevice,
    GpuLease,
    ImageInfo,
    Launcher,
    OutputSink,
    PruneReport,
    Storage,
)
from intermodal.specs import ContainerSpec, ImageSpec, ResourceTotals

__all__ = [
    "AroundBuilder",
    "AroundContainer",
    "AroundContainers",
    "AroundGpus",
    "AroundLauncher",
    "AroundProcess",
    "AroundStorage",
]


class AroundLauncher:
    """See `intermodal.plugins.Launcher`."""

    def __init__(self, inner: Launcher) -> None:
        self.inner = inner

    async def totals(self) -> ResourceTotals:
        return await self.inner.totals()

    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> Container:
        return await self.inner.launch(spec, image, gpus, boot, output)

    async def bare(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, output: OutputSink
    ) -> Container:
        return await self.inner.bare(spec, image, gpus, output)

    async def close(self) -> None:
        await self.inner.close()


class AroundContainers(AroundLauncher):
    """A launcher whose containers each have something around them."""

    def __init__(self, inner: Launcher, around: Callable[[Container], Container]) -> None:
        super().__init__(inner)
        self._around = around

    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> Container:
        return self._around(await self.inner.launch(spec, image, gpus, boot, output))


class AroundContainer:
    """See `intermodal.plugins.Container`."""

    def __init__(self, inner: Container) -> None:
        self.inner = inner

    @property
    def id(self) -> str:
        return self.inner.id

    @property
    def stream(self) -> socket.socket:
        return self.inner.stream

    async def wait(self) -> ContainerExit:
        return await self.inner.wait()

    async def kill(self) -> None:
        await self.inner.kill()

    async def set_parked(self, parked: bool) -> None:
        await self.inner.set_parked(parked)

    async def exec(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        workdir: str | None = None,
        pty: bool = False,
        size: tuple[int, int] = (24, 80),
    ) -> ExecProcess:
        return await self.inner.exec(argv, env=env, workdir=workdir, pty=pty, size=size)


class AroundProcess:
    """See `intermodal.plugins.ExecProcess`."""

    def __init__(self, inner: ExecProcess) -> None:
        self.inner = inner

    async def write(self, data: bytes) -> None:
        await self.inner.write(data)

    async def close_stdin(self) -> None:
        await self.inner.close_stdin()

    def output(self) -> AsyncIterator[tuple[Literal[1, 2], bytes]]:
        return self.inner.output()

    async def resize(self, rows: int, columns: int) -> None:
        await self.inner.resize(rows, columns)

    async def signal(self, number: int) -> None:
        await self.inner.signal(number)

    async def wait(self) -> int:
        return await self.inner.wait()


class AroundBuilder:
    """See `intermodal.plugins.Builder`."""

    def __init__(self, inner: Builder) -> None:
        self.inner = inner

    async def build(self, image: ImageSpec, blobs: Blobs, sink: BuildSink) -> BuiltImage:
        return await self.inner.build(image, blobs, sink)

    async def images(self) -> Sequence[ImageInfo]:
        return await self.inner.images()

    async def prune(self, *, everything: bool = False, older_than_s: float = 0.0) -> PruneReport:
        return await self.inner.prune(everything=everything, older_than_s=older_than_s)

    async def close(self) -> None:
        await self.inner.close()


class AroundGpus:
    """See `intermodal.plugins.GpuAllocator`."""

    def __init__(self, inner: GpuAllocator) -> None:
        self.inner = inner

    async def inventory(self) -> Sequence[GpuDevice]:
        return await self.inner.inventory()

    async def acquire(self, kind: str | None, count: int) -> GpuLease | None:
        return await self.inner.acquire(kind, count)

    async def release(self, lease: GpuLease) -> None:
        await self.inner.release(lease)


class AroundStorage:
    """See `intermodal.plugins.Storage`."""

    def __init__(self, inner: Storage) -> None:
        self.inner = inner

    async def put(self, data: bytes | Path) -> str:
        return await self.inner.put(data)

    async def get(self, blob: str) -> bytes:
        return await self.inner.get(blob)

    async def has(self, blob: str) -> bool:
        return await self.inner.has(blob)

    def stream(self, blob: str, chunk: int = 1 << 20) -> AsyncIterator[bytes]:
        return self.inner.stream(blob, chunk)

    async def read_ref(self, name: str) -> str | None:
        return await self.inner.read_ref(name)

    async def swap_ref(self, name: str, expected: str | None, value: str | None) -> bool:
        return await self.inner.swap_ref(name, expected, value)

    async def close(self) -> None:
        await self.inner.close()
