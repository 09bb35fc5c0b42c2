"""Every process that is started in a running container has ended with exit code 0."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Mapping, Sequence
from typing import Literal

from intermodal.plugins import BuiltImage, Container, ExecProcess, GpuLease, Launcher, OutputSink, hookimpl
from intermodal.specs import ContainerSpec
from mutants.around import AroundContainer, AroundLauncher


class FaultyProcess:
    def __init__(self, inner: ExecProcess) -> None:
        self._inner = inner

    async def write(self, data: bytes) -> None:
        await self._inner.write(data)

    async def close_stdin(self) -> None:
        await self._inner.close_stdin()

    def output(self) -> AsyncIterator[tuple[Literal[1, 2], bytes]]:
        return self._inner.output()

    async def resize(self, rows: int, columns: int) -> None:
        await self._inner.resize(rows, columns)

    async def signal(self, number: int) -> None:
        await self._inner.signal(number)

    async def wait(self) -> int:
        await self._inner.wait()
        return 0


class FaultyContainer(AroundContainer):
    async def exec(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        workdir: str | None = None,
        pty: bool = False,
    ) -> ExecProcess:
        return FaultyProcess(await self.inner.exec(argv, env=env, workdir=workdir, pty=pty))


class Faulty(AroundLauncher):
    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> Container:
        return FaultyContainer(await self.inner.launch(spec, image, gpus, boot, output))


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return Faulty((yield))
