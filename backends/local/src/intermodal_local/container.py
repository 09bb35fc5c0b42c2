"""A running container as the launcher hands it out."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

from intermodal.exception import BackendError, CapabilityNotSupported
from intermodal.plugins import BuiltImage, ContainerExit, OutputSink
from intermodal.plugins.mounter import Mounter
from intermodal.plugins.processes import OutputPipes
from intermodal.specs import ContainerSpec, SharedMount, VolumeMount
from intermodal_local.images.snapshots import Keeping
from intermodal_local.outward import Outward
from intermodal_local.process import LocalProcess
from intermodal_local.runtime import advice, messages
from intermodal_local.runtime.contain import HOST, PATH

_ENV = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"}

T = TypeVar("T")
Send = Callable[[dict[str, Any], Sequence[int]], None]
Ask = Callable[[dict[str, Any]], Awaitable[tuple[dict[str, Any], list[int]]]]


class LocalContainer:
    """See `intermodal.plugins.Container`."""

    def __init__(
        self,
        spec: ContainerSpec,
        stream: socket.socket,
        output: OutputSink,
        send: Send,
        ask: Ask,
        mounter: Mounter,
        *,
        plain: bool,
        kept: Keeping,
    ) -> None:
        self._spec = spec
        self._id = spec.id
        self._stream = stream
        self._send = send
        self._ask = ask
        self._mounter = mounter
        self._plain = plain
        self._kept = kept
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[ContainerExit] = self._loop.create_future()
        self._output = OutputPipes(output, self._settle)
        self._ending: ContainerExit | None = None
        self._outward: Outward | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def id(self) -> str:
        """The spec's id."""
        return self._id

    @property
    def stream(self) -> socket.socket:
        """The guest's stream, of the local family: descriptors may pass."""
        return self._stream

    def watch(self, number: Literal[1, 2], fd: int) -> None:
        """Give to the sink what arrives at `fd`, a pipe's reading end that this object takes over."""
        self._output.watch(number, fd)

    async def wait(self) -> ContainerExit:
        """See the protocol."""
        return await asyncio.shield(self._exit)

    async def kill(self) -> None:
        """See the protocol."""
        self._send({"t": "kill", "id": self._id}, ())

    async def remount(self, volumes: Sequence[VolumeMount]) -> None:
        """See `intermodal.plugins.VolumeContainer`."""
        await self._mount(volumes, swap=True)

    async def attach(self, mounts: Sequence[SharedMount]) -> None:
        """See `intermodal.plugins.BucketContainer`."""
        await self._mount(mounts, swap=False)

    async def let_out(self) -> None:
        """To the networks of its spec, before anything is started in it. Raises `BackendError`."""

        def let_out(fds: Sequence[int]) -> None:
            outward = Outward(fds[0], self._spec.reachable)
            self._loop.call_soon_threadsafe(self._let_out, outward)

        await self._from_outside(let_out)

    def _let_out(self, outward: Outward) -> None:
        """Whether or not anybody waits for it any more, or it has ended meanwhile."""
        self._outward = outward
        if self._exit.done():
            self._settle()

    async def _mount(self, mounts: Sequence[VolumeMount | SharedMount], *, swap: bool) -> None:
        def mount(fds: Sequence[int]) -> None:
            container, host = fds[0], fds[1] if len(fds) > 1 else None
            self._mounter.mount(mounts, container, host, "" if host is None else HOST, swap=swap)

        await self._from_outside(mount)

    async def _from_outside(self, work: Callable[[Sequence[int]], T]) -> T:
        """Do something to it on a thread, with pidfds of its process 1 and, where it has one, of its zygote."""
        told, fds = await self._ask({"t": "into", "id": self._id})
        if told["t"] != "into":
            raise BackendError(f"nothing can be done to container {self._id}: {told['message']}")

        def do() -> T:
            try:
                return work(fds)
            finally:
                for fd in fds:
                    os.close(fd)

        return await asyncio.to_thread(do)

    async def set_parked(self, parked: bool) -> None:
        """See the protocol."""
        self._send({"t": "parked", "id": self._id, "parked": parked}, ())

    async def snapshot(self, image: BuiltImage) -> str:
        """See `intermodal.plugins.SnapshotContainer`."""
        return await asyncio.to_thread(self._kept.keep, image)

    async def exec(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        workdir: str | None = None,
        pty: bool = False,
        size: tuple[int, int] = (24, 80),
    ) -> LocalProcess:
        """See the protocol."""
        if self._plain:
            raise CapabilityNotSupported("exec", "local", advice.PLAIN)
        ours, theirs = messages.pair()
        process = LocalProcess(ours)
        with theirs:
            message = {
                "t": "exec",
                "id": self._id,
                "argv": list(argv),
                "env": list({**_ENV, **dict(self._spec.env), **(env or {})}.items()),
                "workdir": workdir or self._spec.workdir,
                "network": self._spec.network,
                "raw": not self._spec.reachable,
                "pty": list(size) if pty else None,
            }
            if pty:
                self._send(message, [theirs.fileno()])
            else:
                self._send_with_pipes(message, theirs, process)
        await process.started()
        return process

    def _send_with_pipes(self, message: dict[str, Any], theirs: socket.socket, process: LocalProcess) -> None:
        (stdin, put), (out, stdout), (err, stderr) = (os.pipe2(os.O_CLOEXEC) for _ in range(3))
        self._send(message, [theirs.fileno(), stdin, stdout, stderr])
        for fd in (stdin, stdout, stderr):
            os.close(fd)
        process.attach_pipes(put, out, err)

    def ended(self, ending: ContainerExit) -> None:
        """The supervisor told how it ended; `wait` returns when the last output was read too."""
        self._ending = ending
        self._settle()

    def abandon(self) -> None:
        """Close what was opened for a container that never was."""
        self._output.close()
        self._stream.close()

    def _settle(self) -> None:
        if self._ending is None or not self._output.over:
            return
        outward, self._outward = self._outward, None
        if outward is not None:
            self._closing = self._loop.create_task(self._finish(self._ending, outward))
        elif not self._exit.done() and self._closing is None:
            self._exit.set_result(self._ending)

    async def _finish(self, ending: ContainerExit, outward: Outward) -> None:
        await asyncio.to_thread(outward.close)
        if not self._exit.done():
            self._exit.set_result(ending)
