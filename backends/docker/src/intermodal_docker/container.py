"""A running container as the launcher hands it out."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Coroutine, Mapping, Sequence

from intermodal.exception import BackendError
from intermodal.plugins import BuiltImage, ContainerExit, OutputSink
from intermodal.plugins.processes import OutputPipes, PipedProcess
from intermodal.specs import ContainerSpec, SharedMount, VolumeMount
from intermodal_docker.inside.line import Line
from intermodal_docker.inside.messages import Message
from intermodal_docker.life import Life

__all__ = ["EngineContainer"]

_MIB = 1 << 20
#: Seconds that process 1 gets to end when it is told to, or has said that it does, before the engine is asked.
_PATIENCE_S = 2.0


class EngineContainer:
    """See `intermodal.plugins.Container`. After its start it hangs on its line alone, but for its removal.

    Args:
        spec: the launcher's.
        output: the launcher's.
        line: the connection of its process 1, from its entrance.
        python: starts the Python that process 1 runs on.
        commit: has the engine keep its files over its image; the layer's id.
        inspect: what the engine says of its end, if it still knows.
        mount: mounts volumes or directories into it, in place of others (True) or where none are yet.
        remove: has the engine kill it, if need be, and remove it; returns when it is gone.
    """

    def __init__(
        self,
        spec: ContainerSpec,
        output: OutputSink,
        line: Line,
        *,
        python: Sequence[str],
        commit: Callable[[BuiltImage], Coroutine[None, None, str]],
        inspect: Callable[[], Coroutine[None, None, ContainerExit | None]],
        remove: Callable[[], Coroutine[None, None, None]],
        mount: Callable[[Sequence[VolumeMount | SharedMount], bool], Coroutine[None, None, None]],
    ) -> None:
        self._spec = spec
        self._python = python
        self._commit = commit
        self._inspect = inspect
        self._remove = remove
        self._mount = mount
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[ContainerExit] = self._loop.create_future()
        self._output = OutputPipes(output, self._settle)
        self._told: Message = None
        self._killed = False
        self._ending: asyncio.Task[None] | None = None
        self._insisting: asyncio.Task[None] | None = None
        self.stream, self._theirs = socket.socketpair()
        self.stream.setblocking(False)
        self._local = line.local
        self._held: list[int] = []
        self._env: Mapping[str, str] = {}
        self._life = Life(line, self._ended, self._settle)

    @property
    def id(self) -> str:
        """The spec's id."""
        return self._spec.id

    @property
    def python(self) -> Sequence[str]:
        """See `intermodal.plugins.PythonContainer`."""
        return self._python

    def run(self, boot: bytes, held: Sequence[int]) -> None:
        """Start the guest. `held`: descriptors that are kept open as long as the container lives, by process 1 where it
        can have them, so that they are whatever becomes of us."""
        held = self._keep(held)
        out, err = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
        self._output.watch(1, out[0])
        self._output.watch(2, err[0])
        with self._theirs as theirs:
            self._life.run(self._spec.python_path, [theirs.fileno(), out[1], err[1], *held])
        for fd in (out[1], err[1]):
            os.close(fd)

    def hold(self, held: Sequence[int], env: Mapping[str, str]) -> None:
        """Start no guest. `held`: as for `run`. `env`: of what `exec` starts, and not of the container, as that would
        be part of each image that is made of it."""
        self._env = env
        self._theirs.close()
        if held := self._keep(held):
            self._life.hold(held)

    async def mount(self, volumes: Sequence[VolumeMount]) -> None:
        """Mount volumes into it, before its guest starts. Raises `BackendError`."""
        await self._mount(volumes, False)

    async def attach(self, mounts: Sequence[SharedMount]) -> None:
        """See `intermodal.plugins.BucketContainer`."""
        await self._mount(mounts, False)

    async def remount(self, volumes: Sequence[VolumeMount]) -> None:
        """See `intermodal.plugins.VolumeContainer`."""
        await self._mount(volumes, True)

    async def wait(self) -> ContainerExit:
        """See the protocol."""
        return await asyncio.shield(self._exit)

    async def removed(self) -> None:
        """Until it has ended, and the engine has nothing of it, or does not answer."""
        await self.wait()
        if self._ending is not None:
            await asyncio.shield(self._ending)

    async def kill(self) -> None:
        """See the protocol."""
        if not self._life.over:
            self._killed = True
            self._life.end()
            self._loop.call_later(_PATIENCE_S, self._insist)

    async def set_parked(self, parked: bool) -> None:
        """An engine reserves nothing that could be given back."""

    async def snapshot(self, image: BuiltImage) -> str:
        """See `intermodal.plugins.SnapshotContainer`."""
        return await self._commit(image)

    async def exec(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        workdir: str | None = None,
        pty: bool = False,
        size: tuple[int, int] = (24, 80),
    ) -> PipedProcess:
        """See the protocol."""
        return await self._life.start(
            argv, {**self._env, **(env or {})}, workdir or self._spec.workdir, size if pty else None
        )

    def _keep(self, held: Sequence[int]) -> Sequence[int]:
        """Those that process 1 can have; it cannot have any of an engine elsewhere, and then they are kept here."""
        if self._local:
            return held
        self._held = [os.dup(fd) for fd in held]
        return ()

    def _ended(self, told: Message) -> None:
        self._told = told
        self._loop.call_later(_PATIENCE_S, self._insist)

    def _insist(self) -> None:
        if not self._life.over and self._insisting is None:
            self._insisting = asyncio.create_task(self._removed_by_force())

    async def _removed_by_force(self) -> None:
        with contextlib.suppress(BackendError):  # the engine is away; the end of process 1 will tell
            await self._remove()
            self._life.cut()  # an engine may have forgotten to hang up

    def _settle(self) -> None:
        """Process 1 is gone and all output has come: the engine is clearing up, which takes it longer than all else."""
        if self._life.over and self._output.over and self._ending is None:
            self._ending = self._loop.create_task(self._finish())

    async def _finish(self) -> None:
        if self._told and self._told["gone"]:
            self._report(None)
            with contextlib.suppress(BackendError):  # whoever comes after the engine is back removes what is left
                await self._remove()
            return
        known = None
        try:
            if self._told is None and not self._killed:
                known = await self._inspect()
            await self._remove()
        except BackendError as error:  # whoever comes after the engine is back removes what is left
            known = ContainerExit(cause="lost", detail=str(error))
        self._report(known)

    def _report(self, known: ContainerExit | None) -> None:
        for fd in self._held:
            os.close(fd)
        self._exit.set_result(self._ending_of(known))

    def _ending_of(self, known: ContainerExit | None) -> ContainerExit:
        if self._told:
            code = int(self._told["code"])
            if self._told["oom"]:
                return ContainerExit(cause="out_of_memory", code=code, detail=self._memory_words())
            return ContainerExit(cause="killed" if self._told["killed"] else "exited", code=code)
        if self._killed or known is None:
            return ContainerExit(cause="killed", code=137)
        return known

    def _memory_words(self) -> str:
        limit = self._spec.resources.memory_limit
        return f"memory limit {limit} MiB, peak {int(self._told['peak']) // _MIB} MiB"
