"""The launch role: containers of an engine."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from intermodal.exception import BackendError
from intermodal.plugins import (
    BuiltImage,
    Config,
    ContainerExit,
    GpuLease,
    Launcher,
    LaunchRefused,
    OutputSink,
)
from intermodal.plugins.gpus import counts, host_gpus
from intermodal.specs import ContainerSpec, ResourceTotals
from intermodal_docker.arrived import Arrived, Printed
from intermodal_docker.container import EngineContainer
from intermodal_docker.door import Door
from intermodal_docker.engine import CreateRequest, Engine, EngineInfo, EngineUnavailable, NotThere
from intermodal_docker.inside.messages import Reader
from intermodal_docker.known import known_info
from intermodal_docker.request import container_request
from intermodal_docker.session import Session, reap, remove_all
from intermodal_docker.spares import Spare, Spares
from intermodal_docker.starting import Starting

__all__ = ["EngineLauncher"]

#: Requests to the engine that may be under way at once.
_AT_ONCE = 32
#: Seconds that an engine which has answered before may be away, as in a restart, while containers are to start.
_AWAY_S = 30.0
_BETWEEN_TRIES_S = 0.25
T = TypeVar("T")


class EngineLauncher(Launcher):
    """See `intermodal.plugins.Launcher`."""

    def __init__(self, engine: Engine, config: Config) -> None:
        self._engine = engine
        self._config = config
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="intermodal-engine")
        self._info: asyncio.Task[EngineInfo] | None = None
        self._opened: contextlib.ExitStack | None = None
        self._reaping: asyncio.Future[None] | None = None
        self._containers: set[EngineContainer] = set()
        self._spares = Spares()
        self._was_away = False  #: so that it may have containers of this session that nobody here knows of

    async def totals(self) -> ResourceTotals:
        """See the protocol."""
        info = await self._known()
        devices = await self._do(lambda: host_gpus(self._config, f"{self._engine.name}.gpus"))
        return ResourceTotals(cpu=info.cpus, memory=info.memory, gpus=counts(devices))

    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> EngineContainer:
        """See the protocol."""
        container = await self._container(spec, image, gpus, output)
        container.run(boot, gpus.fds if gpus else ())
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its exit tells
                await asyncio.get_running_loop().sock_sendall(container.stream, boot)
        except asyncio.CancelledError:
            await container.kill()
            container.stream.close()  # nobody was given it
            raise
        return container

    async def bare(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, output: OutputSink
    ) -> EngineContainer:
        """See the protocol."""
        container = await self._container(spec, image, gpus, output)
        container.hold(gpus.fds if gpus else ())
        return container

    async def prewarm(self, spec: ContainerSpec, image: BuiltImage) -> Spare:
        """See `intermodal.plugins.Prewarmer`."""
        request = self._request(spec, image, None, await self._known())
        arrived = await self._start(request, Printed())

        async def remove(container: str) -> None:
            with contextlib.suppress(BackendError):  # whoever comes after the engine is back removes what is left
                await self._do(lambda: self._engine.remove(container))

        return self._spares.add(Spare(request, arrived, remove))

    async def close(self) -> None:
        """See the protocol."""
        for container in list(self._containers):
            await container.kill()
        await self._spares.close()
        for container in list(self._containers):
            await container.wait()
        if self._reaping is not None:
            await asyncio.wait({self._reaping})
        if self._opened is not None:
            if self._was_away:
                with contextlib.suppress(BackendError):  # it is still: whoever comes later removes what is left
                    await self._do(lambda: remove_all(self._engine, self._session.labels))
            self._opened.close()
            self._opened = None
        await self._do(self._engine.close)
        self._threads.shutdown(wait=False)

    async def _container(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, output: OutputSink
    ) -> EngineContainer:
        """A container of `spec` that waits for orders: one that stands ready, or else a new one."""
        request = self._request(spec, image, gpus, await self._known())
        arrived = self._spares.take(request)
        if arrived is None:
            printed = Printed()
            printed.to(output)
            arrived = await self._start(request, printed)
        else:
            arrived.printed.to(output)
        return self._running(spec, output, arrived)

    def _request(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, info: EngineInfo
    ) -> CreateRequest:
        if self._engine.remote or info.desktop:
            raise LaunchRefused(
                f"{self._engine.name}: the engine at {self._engine.address} is another machine's, and containers need "
                f"this machine's files: unset {self._engine.name}.host, or run this program there"
            )
        session, door = self._open()
        return container_request(spec, image, gpus, info=info, door=str(door.folder), labels=session.labels)

    async def _start(self, request: CreateRequest, printed: Printed) -> Arrived:
        """A new container whose process 1 has come. An engine that restarts is waited for."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + _AWAY_S
        left = False
        while True:
            try:
                if left:
                    await self._do(lambda: self._engine.remove(str(request.name)))
                return await self._start_once(request, printed)
            except EngineUnavailable:
                left = True  # it may have made the container before it went away
                if clock() > deadline:
                    raise
            except NotThere as error:
                raise LaunchRefused(str(error)) from None
            await asyncio.sleep(_BETWEEN_TRIES_S)

    async def _start_once(self, request: CreateRequest, printed: Printed) -> Arrived:
        loop = asyncio.get_running_loop()
        silent = asyncio.Event()
        with self._door.expect() as (token, coming):
            starting = Starting(
                self._engine,
                replace(request, command=[*request.command, token]),
                lambda piece: _call(loop, printed, piece),
                lambda: _call(loop, silent.set),
            )
            up = asyncio.ensure_future(self._do(starting.up))
            try:
                reader = await self._arrival(starting, up, coming, silent)
            except BaseException:
                await self._clear_up(starting, up)
                raise
            return Arrived(starting.container, reader, printed)

    def _running(self, spec: ContainerSpec, output: OutputSink, arrived: Arrived) -> EngineContainer:
        name = arrived.container

        async def inspect() -> ContainerExit | None:
            return await self._do(lambda: _ending(self._engine, name))

        async def remove() -> None:
            await self._do(lambda: self._engine.remove(name))
            self._containers.discard(container)

        container = EngineContainer(spec, output, arrived.reader, inspect=inspect, remove=remove)
        self._containers.add(container)
        return container

    async def _arrival(
        self, starting: Starting, up: asyncio.Future[None], coming: asyncio.Future[Reader], silent: asyncio.Event
    ) -> Reader:
        """The connection of the container's process 1, which may come before the engine says that it has started it.

        Raises what the start raised, and `BackendError` where the container ended before.
        """
        quiet = asyncio.ensure_future(silent.wait())
        try:
            await _first(up, coming)
            if not coming.done():
                up.result()
                await _first(quiet, coming)
            if not coming.done():
                there = await self._do(lambda: self._engine.container(starting.container))
                if there is None or not there.running:
                    name = starting.container[:12]
                    raise BackendError(f"container {name} ended before its guest came: see what it printed")
            return await coming
        finally:
            quiet.cancel()
            up.add_done_callback(lambda done: done.cancelled() or done.exception())  # somebody has heard of it

    async def _clear_up(self, starting: Starting, up: asyncio.Future[None]) -> None:
        """After a start that failed or was cancelled: returns when nothing is left."""

        async def clear() -> None:
            starting.cancel()
            await asyncio.wait({up})
            if up.cancelled() or up.exception() is None:
                await self._do(lambda: self._engine.remove(starting.container))

        await asyncio.shield(asyncio.ensure_future(clear()))

    async def _known(self) -> EngineInfo:
        if self._info is None or (self._info.done() and (self._info.cancelled() or self._info.exception())):
            self._info = asyncio.create_task(self._do(lambda: known_info(self._engine, self._config.data_dir)))
        return await asyncio.shield(self._info)

    def _open(self) -> tuple[Session, Door]:
        """The session's directory, made when the first container needs it; what others left is removed meanwhile."""
        if self._opened is None:
            self._opened = contextlib.ExitStack()
            self._session = self._opened.enter_context(Session(self._config.data_dir, self._engine.name))
            self._door = self._opened.enter_context(Door(self._session.folder / "door"))
            self._reaping = asyncio.ensure_future(self._do(lambda: reap(self._engine, self._config.data_dir)))
            self._reaping.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._session, self._door

    async def _do(self, work: Callable[[], T]) -> T:
        """On a thread: engines block."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except EngineUnavailable:
            self._was_away = True
            raise


def _ending(engine: Engine, name: str) -> ContainerExit | None:
    """How a container ended, if the engine still knows."""
    known = engine.container(name)
    if known is None or known.code is None:
        return None
    if known.oom_killed:
        return ContainerExit(cause="out_of_memory", code=known.code, detail="its first process was killed for memory")
    return ContainerExit(cause="killed" if 128 < known.code < 128 + signal.NSIG else "exited", code=known.code)


async def _first(*futures: asyncio.Future[Any]) -> None:
    """Until one of them is done, whatever came of it."""
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


def _call(loop: asyncio.AbstractEventLoop, work: Callable[..., Any], *arguments: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the session is over, nobody listens
        loop.call_soon_threadsafe(work, *arguments)
