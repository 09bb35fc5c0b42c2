"""The launch role: containers of an engine."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator, Sequence
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
from intermodal.plugins.gpus import counts
from intermodal.plugins.mounter import Mounter
from intermodal.plugins.outbound import ALLOWLIST
from intermodal.specs import ContainerSpec, ResourceTotals, SharedMount, VolumeMount
from intermodal_docker.arrived import Arrived, Printed
from intermodal_docker.attached import Attached
from intermodal_docker.brought import brought_python, needs_brought
from intermodal_docker.container import EngineContainer
from intermodal_docker.devices import devices
from intermodal_docker.door import Door
from intermodal_docker.engine import CreateRequest, Engine, EngineInfo, EngineUnavailable, NotThere
from intermodal_docker.entrance import Entrance, First
from intermodal_docker.inside.line import Line
from intermodal_docker.known import known_info
from intermodal_docker.mounting import NO_RULES_ELSEWHERE, Process
from intermodal_docker.reach import Reach
from intermodal_docker.request import container_request
from intermodal_docker.session import OWNER, Session, reap, remove_all
from intermodal_docker.shipped import Shipped
from intermodal_docker.shipping import Shipping
from intermodal_docker.snapshots import commit_snapshot
from intermodal_docker.spares import Spare, Spares
from intermodal_docker.starting import Starting

__all__ = ["EngineLauncher"]

#: Requests to the engine that may be under way at once.
_AT_ONCE = 32
#: Seconds that an engine which has answered before may be away, as in a restart, while containers are to start.
_AWAY_S = 30.0
_BETWEEN_TRIES_S = 0.25
#: Seconds after their last use that files which were sent to an engine may go.
_PARCELS_KEPT_S = 86_400.0
_GUEST = First()
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
        self._mounter = Mounter()
        self._was_away = False  #: so that it may have containers of this session that nobody here knows of

    async def totals(self) -> ResourceTotals:
        """See the protocol."""
        info = await self._known()
        found = await self._do(lambda: devices(self._config, self._engine))
        return ResourceTotals(cpu=info.cpus, memory=info.memory, gpus=counts(found))

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
        first = First(guest=False)
        if needs_brought(image):
            mount, python = await asyncio.to_thread(brought_python, self._config.data_dir / "pythons")
            spec, first = replace(spec, mounts=(*spec.mounts, mount)), replace(first, python=python)
        container = await self._container(replace(spec, env=()), image, gpus, output, first)
        container.hold(gpus.fds if gpus else (), dict(spec.env))
        return container

    async def prewarm(self, spec: ContainerSpec, image: BuiltImage) -> Spare:
        """See `intermodal.plugins.Prewarmer`."""
        request, arrived = await self._new(spec, image, None, Printed())

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
            await container.removed()
        if self._reaping is not None:
            await asyncio.wait({self._reaping})
        if self._opened is not None:
            if self._was_away:
                with contextlib.suppress(BackendError):  # it is still: whoever comes later removes what is left
                    await self._do(lambda: remove_all(self._engine, self._session.labels))
            self._opened.close()
            self._opened = None
        await self._do(self._mounter.close)
        await self._do(self._engine.close)
        self._threads.shutdown(wait=False)

    async def _container(
        self,
        spec: ContainerSpec,
        image: BuiltImage,
        gpus: GpuLease | None,
        output: OutputSink,
        first: First = _GUEST,
    ) -> EngineContainer:
        """A container of `spec` that waits for orders: one that stands ready, or else a new one."""
        reach = self._open()[1]
        arrived = self._spares.take(await self._request(reach.entrance, spec, image, gpus, first))
        if arrived is None:
            printed = Printed()
            if reach.certain:
                printed.to(output)
            try:
                arrived = (await self._new(spec, image, gpus, printed, first))[1]
            finally:
                printed.to(output)
        else:
            arrived.printed.to(output)
        container = self._running(spec, output, arrived, first)
        try:
            if spec.reachable:
                await self._do(lambda: _confine(arrived.line, spec.reachable))
            if spec.volumes:
                await container.mount(spec.volumes)
        except BaseException:
            await container.kill()
            container.stream.close()  # nobody was given it
            raise
        return container

    async def _request(
        self,
        entrance: Entrance,
        spec: ContainerSpec,
        image: BuiltImage,
        gpus: GpuLease | None,
        first: First,
    ) -> CreateRequest:
        way = await entrance.way(spec.mounts, image.ref, first)
        return container_request(spec, image, gpus, info=await self._known(), way=way, labels=self._open()[0].labels)

    async def _new(
        self,
        spec: ContainerSpec,
        image: BuiltImage,
        gpus: GpuLease | None,
        printed: Printed,
        first: First = _GUEST,
    ) -> tuple[CreateRequest, Arrived]:
        """A new container whose process 1 has come, by the other way if need be, and what was asked for it."""
        reach = self._open()[1]
        while True:
            entrance = reach.entrance
            request = await self._request(entrance, spec, image, gpus, first)
            try:
                arrived = await self._start(entrance, request, printed)
            except EngineUnavailable:
                raise
            except BackendError:
                if not reach.turn(entrance):
                    raise
                printed.forget()
            else:
                reach.came()
                return request, arrived

    async def _start(self, entrance: Entrance, request: CreateRequest, printed: Printed) -> Arrived:
        """A new container whose process 1 has come. An engine that restarts is waited for."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + _AWAY_S
        left = False
        while True:
            try:
                if left:
                    await self._do(lambda: self._engine.remove(str(request.name)))
                return await self._start_once(entrance, request, printed)
            except EngineUnavailable:
                left = True  # it may have made the container before it went away
                if clock() > deadline:
                    raise
            except NotThere as error:
                raise LaunchRefused(str(error)) from None
            await asyncio.sleep(_BETWEEN_TRIES_S)

    async def _start_once(self, entrance: Entrance, request: CreateRequest, printed: Printed) -> Arrived:
        silent = asyncio.Event()
        with entrance.expect(printed, silent.set) as visit:
            asked = replace(request, command=[*request.command, visit.token])
            starting = Starting(self._engine, asked, visit.attached)
            up = asyncio.ensure_future(self._do(starting.up))
            try:
                line = await self._arrival(starting, up, visit.coming, silent)
            except BaseException:
                await self._clear_up(starting, up)
                raise
            return Arrived(starting.container, line, printed)

    def _running(self, spec: ContainerSpec, output: OutputSink, arrived: Arrived, first: First) -> EngineContainer:
        name = arrived.container

        async def inspect() -> ContainerExit | None:
            return await self._do(lambda: _ending(self._engine, name))

        async def remove() -> None:
            await self._do(lambda: self._engine.remove(name))
            self._containers.discard(container)

        async def commit(image: BuiltImage) -> str:
            title, maker = f"snapshot of {spec.id}", self._session.labels[OWNER]
            return await self._do(lambda: commit_snapshot(self._engine, name, image, title, maker))

        async def mount(volumes: Sequence[VolumeMount | SharedMount], swap: bool) -> None:
            with contextlib.closing(Process(arrived.line)) as process:
                await self._do(lambda: process.mount(self._mounter, volumes, swap=swap))

        container = EngineContainer(
            spec, output, arrived.line, python=first.python, commit=commit, inspect=inspect, remove=remove, mount=mount
        )
        self._containers.add(container)
        return container

    async def _arrival(
        self, starting: Starting, up: asyncio.Future[None], coming: asyncio.Future[Line], silent: asyncio.Event
    ) -> Line:
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
                    raise BackendError(
                        f"container {name} ended before its guest came: see what it printed; where its image has an "
                        'entrypoint, that has to execute its arguments: exec "$@"'
                    )
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

    def _open(self) -> tuple[Session, Reach]:
        """The session's directory, made when the first container needs it; what others left is removed meanwhile."""
        if self._opened is None:
            self._opened = contextlib.ExitStack()
            self._session = self._opened.enter_context(Session(self._config.data_dir, self._engine.name))
            self._reach = self._opened.enter_context(self._reaching(self._session))
            self._reaping = asyncio.ensure_future(self._do(self._reap))
            self._reaping.add_done_callback(lambda done: done.cancelled() or done.exception())
        return self._session, self._reach

    @contextlib.contextmanager
    def _reaching(self, session: Session) -> Iterator[Reach]:
        shipping = Shipping(self._engine, self._config.data_dir, session.labels)
        with contextlib.ExitStack() as stack:
            stack.callback(shipping.close)
            door = None if self._engine.remote else stack.enter_context(Door(session.folder / "door"))
            yield Reach(door, Attached(shipping))

    def _reap(self) -> None:
        reap(self._engine, self._config.data_dir)
        Shipped(self._engine, self._config.data_dir).prune({}, older_than_s=_PARCELS_KEPT_S)

    async def _do(self, work: Callable[[], T]) -> T:
        """On a thread: engines block."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except EngineUnavailable:
            self._was_away = True
            raise


def _confine(line: Line, reachable: Sequence[str]) -> None:
    with contextlib.closing(Process(line, ALLOWLIST, NO_RULES_ELSEWHERE)) as process:
        process.confine(reachable)


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
