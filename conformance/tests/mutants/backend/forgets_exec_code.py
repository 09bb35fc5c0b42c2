"""Every process that is started in a running container has ended with exit code 0."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

from intermodal.plugins import ExecProcess, Launcher, hookimpl
from mutants.around import AroundContainer, AroundContainers, AroundProcess


class FaultyProcess(AroundProcess):
    async def wait(self) -> int:
        await self.inner.wait()
        return 0


class FaultyContainer(AroundContainer):
    async def exec(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        workdir: str | None = None,
        pty: bool = False,
        size: tuple[int, int] = (24, 80),
    ) -> ExecProcess:
        return FaultyProcess(await self.inner.exec(argv, env=env, workdir=workdir, pty=pty, size=size))


@hookimpl(wrapper=True)
def intermodal_launcher() -> Generator[None, Launcher, Launcher]:
    return AroundContainers((yield), FaultyContainer)
