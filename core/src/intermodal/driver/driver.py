"""The asyncio shell around the engine: it owns the clock and the sockets, feeds events in, and carries commands out."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from intermodal.client.api import CallTarget
from intermodal.client.hiding import Hiding
from intermodal.driver.boot import Trees
from intermodal.driver.buckets.session import SessionBuckets
from intermodal.driver.calling import Calling
from intermodal.driver.calls import CallBook
from intermodal.driver.clients import Clients
from intermodal.driver.elsewhere import Elsewhere
from intermodal.driver.host_room import HostRoom
from intermodal.driver.images import Images
from intermodal.driver.keeping import CallKeeper
from intermodal.driver.leases import Leases
from intermodal.driver.mounts import Mounts
from intermodal.driver.observing import Observing
from intermodal.driver.pools import Pool, PoolBook
from intermodal.driver.prewarming import Prewarming
from intermodal.driver.readiness import Readiness
from intermodal.driver.requests import Requests
from intermodal.driver.sandboxes import Sandboxes
from intermodal.driver.starter import Given, Started, Starter
from intermodal.driver.step_gpus import BuildGpus
from intermodal.driver.unit import Unit
from intermodal.driver.volumes.session import SessionVolumes
from intermodal.driver.web import Web
from intermodal.engine import Engine, PoolView, commands, events
from intermodal.exception import RemoteError
from intermodal.plugins import PluginHost
from intermodal.plugins.observations import Notice
from intermodal.plugins.roles import Blobs, BuiltImage
from intermodal.specs import AppSpec, FunctionSpec, ImageSpec, Resources, Scaling
from intermodal.specs.status import ERROR
from intermodal.storage import StateService
from intermodal.wire.payload import failed

__all__ = ["Driver"]


class Driver:
    """One engine with its backend. Everything but `post_threadsafe` is called on the loop.

    Args:
        grace_s: seconds that running inputs and exit methods get when a container is stopped.
        session: what container ids start with, so that engines of one host never clash.
        gpu_wait_s: seconds that a busy GPU choice is waited for before the next one is tried.
        keep: makes blobs known that clients sent later.
        elsewhere: where deployed apps are that containers call.
        keeper: keeps detached calls.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        host: PluginHost,
        blobs: Blobs,
        trees: Trees,
        guest: Path,
        state: StateService,
        secrets: Mapping[str, Mapping[str, str]],
        grace_s: float,
        gpu_wait_s: float,
        session: str,
        data_dir: Path,
        build_secrets: Mapping[str, Mapping[str, str]],
        volumes: SessionVolumes,
        keep: Callable[[Mapping[str, bytes]], Coroutine[Any, Any, None]],
        elsewhere: Elsewhere | None = None,
        keeper: CallKeeper | None = None,
    ) -> None:
        self.loop = loop
        self.id, self.data_dir, self.keep = session, data_dir, keep
        self.calls = CallBook()
        self.keeper = keeper
        self.pools = PoolBook()
        self.units: dict[str, Unit] = {}
        self._app = ""
        self.engine = Engine(gpu_wait_s=gpu_wait_s, prefix=f"c-{session}-")
        self._host = host
        self._secrets, self._grace_s = secrets, grace_s
        self._observing = Observing(loop, host.observe, host.observes, lambda: self.calling.progress())
        self.calling = Calling(
            self.calls, self.pools, self._observing, self.post, host.require, grace_s, host.tracer(), keeper
        )
        self._hidings: dict[tuple[str, ...], Hiding] = {}
        leases = Leases(host.gpus())
        build_gpus = BuildGpus(
            leases,
            self.engine.lacks_gpus,
            lambda pools, request: self.post(events.BuildWaits(list(pools), request)),
            self._gpu_holders,
            next_choice_s=gpu_wait_s,
            limit_s=float(host.config.get("build_gpu_wait_s")),
        )
        self._images = Images(host.builder(), blobs, self._observing, build_secrets, build_gpus)
        self.buckets = SessionBuckets(data_dir, session)
        given = Given(session, data_dir, blobs, trees, guest, secrets)
        self.starter = Starter(host, given, self._images, leases, Mounts(volumes, self.buckets), self.background)
        self.passes_fds = self.starter.passes_fds
        ahead = self.starter.prewarms and host.config.get("prewarm")
        self._prewarming = (
            Prewarming(loop, self._pools_in_use, self.engine.may_grow, self.starter.spare) if ahead else None
        )
        self.sandboxes = Sandboxes(self, self.starter)
        self.requests = Requests(self, state, volumes, str(host.config.get("environment")))
        volumes.report_to(self._volume_notice)
        self.buckets.report_to(self._volume_notice)
        self.web = Web()
        self.clients = Clients(self, elsewhere)
        self.readiness = Readiness(self)
        self.ready: list[Callable[[], None]] = []
        self.unflushed: list[Callable[[], None]] | None = None
        self._inbox: deque[events.Event] = deque()
        self._scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = float("inf")
        self._background: set[asyncio.Task[None]] = set()
        self.scaling: dict[str, Scaling] = {}
        self._idle = asyncio.Event()
        self._room: HostRoom | None = None

    async def open(self) -> None:
        """Learn what the backend has."""
        self.post(events.CapacityKnown(await self.starter.totals()))
        self._room = HostRoom(self.loop, self.data_dir, self.engine.left_over, self._make_room)

    # ---- events in ------------------------------------------------------------------------------------------------

    def post(self, event: events.Event) -> None:
        """Tell the engine; it hears with everything else of this turn of the loop."""
        self._inbox.append(event)
        if not self._scheduled:
            self._scheduled = True
            self.loop.call_soon(self._turn)

    def post_threadsafe(self, event: events.Event) -> None:
        """The same from any thread."""
        self._inbox.append(event)
        if not self._scheduled:
            self._scheduled = True
            self.loop.call_soon_threadsafe(self._turn)

    def hold(self) -> None:
        """A `pump` follows in this same turn: what is posted until then waits for it and schedules nothing."""
        self._scheduled = True

    def pump(self) -> None:
        """Let the engine hear now what was posted, rather than in the loop's next turn."""
        if self._inbox:
            self._pump()
        self._scheduled = False
        if self._inbox:  # another thread posted meanwhile, and saw that something was coming
            self._scheduled = True
            self.loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        if self._inbox:
            self._pump()

    def _pump(self) -> None:
        if self.calling.refusal is None:
            try:
                self._converse()
            except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
                self._fail(error)
        else:
            self._inbox.clear()
        # Readers are woken last: they take the interpreter's lock, and nothing of this turn should be left to do by
        # then.
        self._wake_readers()

    def _converse(self) -> None:
        inbox = self._inbox
        now = self.loop.time()
        unflushed: list[Callable[[], None]] = []
        self.unflushed = unflushed
        try:
            while True:
                batch = [inbox.popleft() for _ in range(len(inbox))]
                for command in self.engine.receive(batch, now):
                    _CARRY_OUT[type(command)](self, command)
                if not inbox:
                    break
        finally:
            self.unflushed = None
            for flush in unflushed:
                flush()
        self._arm(now)

    def _fail(self, error: Exception) -> None:
        """The engine, or what it asked for, has raised: what it believes is not true any more. So nothing goes on, and
        everybody hears so."""
        what = f"Intermodal itself has failed ({type(error).__name__}: {error}), so nothing of this app can go on"
        self.calling.refusal = failure = RemoteError(f"{what}: please report it, with what is above this")
        self.loop.call_exception_handler({"message": what, "exception": error})
        for record in self.calls.open_calls():
            self.calls.deliver(record.id, [0], [ERROR], [failed("RemoteError", str(failure))])
            self.calls.end(record.id)
        self.sandboxes.abandon(what)
        for unit in list(self.units.values()):
            unit.kill()

    def _wake_readers(self) -> None:
        ready, self.ready = self.ready, []
        for wake in ready:
            wake()

    def _arm(self, now: float) -> None:
        deadline = self.engine.next_deadline()
        if deadline is None:
            return
        if self._timer is not None:
            if self._timer_at <= deadline:
                return
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self.loop.call_later(max(0.0, deadline - now), self._tick)

    def _tick(self) -> None:
        self._timer = None
        self._timer_at = float("inf")
        self._pump()

    # ---- commands out ---------------------------------------------------------------------------------------------

    def _launch(self, command: commands.Launch) -> None:
        self.units[command.container] = Unit(self, self.pools.by_id[command.pool], command)

    def _dispatch(self, command: commands.Dispatch) -> None:
        unit = self.units.get(command.container)
        if unit is not None:
            unit.dispatch(command.inputs, command.batch)

    def _cancel(self, command: commands.CancelAttempts) -> None:
        self._send(command.container, {"t": "cancel", "attempts": command.attempts})

    def _grant(self, command: commands.GrantCredit) -> None:
        self._send(command.container, {"t": "credit", "attempt": command.attempt, "items": command.items})

    def _stop(self, command: commands.Stop) -> None:
        self._send(command.container, {"t": "stop", "grace": command.grace_s})

    def _send(self, container: str, header: dict[str, Any]) -> None:
        unit = self.units.get(container)
        if unit is not None:
            unit.send(header)

    def _kill(self, command: commands.Kill) -> None:
        unit = self.units.get(command.container)
        if unit is not None:
            unit.kill()

    def _park(self, command: commands.Park) -> None:
        unit = self.units.get(command.container)
        if unit is not None:
            unit.set_parked(command.parked)

    def _ask_for_room(self, command: commands.AskForRoom) -> None:
        if self._room is not None:
            self._room.ask(command.resources)

    def _make_room(self, wanted: Resources) -> None:
        self.post(events.RoomWanted(wanted))
        self.pump()

    def _forgotten(self, command: commands.PoolForgotten) -> None:
        self.pools.forget(command.pool)

    def _notice(self, command: commands.Notice) -> None:
        pool = self.pools.by_id.get(command.pool) if command.pool else None
        self.observe(
            "notice",
            Notice(
                level=command.level,
                message=command.message,
                at=time.time(),
                app=pool.function.app if pool else self._app,
                function=pool.function.name if pool else "",
                container=command.container or "",
                call=command.call,
            ),
        )

    # ---- what units and clients need --------------------------------------------------------------------------------

    def observe(self, kind: Any, record: Any) -> None:
        """Feed observers."""
        self._observing.add(kind, record)

    def serve_at(self, app: AppSpec, urls: Mapping[tuple[str, str], str]) -> None:
        """Web methods of `app` take requests at these URLs: containers can ask for them, and observers hear."""
        self.web.urls = urls
        for function in app.functions:
            for method in function.methods:
                url = urls.get((function.key, method.name))
                if url is not None:
                    self._notify(f"{method.name or 'web'} takes requests at {url}", app.name, function.name)

    def _notify(self, message: str, app: str, function: str) -> None:
        self.observe("notice", Notice(level="info", message=message, at=time.time(), app=app, function=function))

    def whose(self, unit: Unit, attempt: int) -> tuple[str | None, int | None]:
        """Call and index of the input that an attempt in a container works on."""
        return self.engine.whose(unit.id, attempt)

    def trace_of(self, call: str) -> str:
        """The trace inside of a call; "" for none."""
        record = self.calls.get(call)
        return record.trace if record is not None else ""

    def hiding(self, function: FunctionSpec) -> Hiding:
        """What hides the values of a function's secrets."""
        found = self._hidings.get(function.secrets)
        if found is None:
            values = (value for name in function.secrets for value in self._secrets[name].values())
            found = self._hidings[function.secrets] = Hiding(values)
        return found

    def app_of(self, owner: str) -> str:
        """The app whose code runs in a container; for any other client, the session's own."""
        unit = self.units.get(owner)
        return self._app if unit is None else unit.pool.function.app

    def register(self, app: AppSpec) -> None:
        """Make an app's functions callable. The first one is the session's own."""
        self._app = self._app or app.name
        self.pools.register(app)

    async def start(self, unit: Unit, command: commands.Launch) -> Started:
        """Build the image, take the GPUs, start the container."""
        return await self.starter.start(unit.id, unit.pool, command.gpu, unit.output)

    async def build(self, image: ImageSpec, secrets: Mapping[str, Mapping[str, str]]) -> BuiltImage:
        """Build an image that no function may need. Raises `ImageBuildError`, `CapabilityNotSupported`."""
        return await self.starter.build(image, secrets)

    async def shell(self, target: CallTarget, argv: Sequence[str]) -> int:
        """Run `argv` on this process's terminal in a new container like those of `target`; its exit code."""
        pool, _ = self.pools.resolve(target)
        return await self.starter.shell(pool, argv)

    def _gpu_holders(self) -> list[str]:
        """What of this session has GPUs, for people."""
        functions = {unit.id: unit.pool.function.name for unit in self.units.values() if unit.gpu is not None}
        held = [f"{name} (container {id})" for id, name in functions.items()]
        return held + [f"sandbox {id}" for id in self.sandboxes.with_gpus()]

    def pool_views(self) -> list[tuple[FunctionSpec, PoolView]]:
        """What each pool looks like now, with its function, options applied."""
        views = self.engine.snapshot().pools
        return [(pool.function, views[pool.id]) for pool in self.pools.by_id.values() if pool.id in views]

    def _pools_in_use(self) -> list[Pool]:
        return [unit.pool for unit in self.units.values() if unit.ready]

    def client_frame(self, unit: Unit, header: dict[str, Any], segments: list[bytes]) -> None:
        """User code inside a container is a client too."""
        self.clients.frame(unit, header, segments)

    def unit_ready(self, unit: Unit) -> None:
        """Its guest has started."""
        self.readiness.started(unit)
        if self._prewarming is not None:
            self._prewarming.changed()

    async def unit_leaving(self, unit: Unit) -> None:
        """A container has ended: what it wrote to volumes is committed before anybody hears so."""
        await self.starter.left(unit.id)

    def _volume_notice(self, container: str, message: str) -> None:
        unit = self.units.get(container)
        function = unit.pool.function if unit is not None else None
        self.observe(
            "notice",
            Notice(
                level="warning",
                message=message,
                at=time.time(),
                app=function.app if function else self.sandboxes.app_of(container),
                function=function.name if function else "",
                container=container,
            ),
        )

    def unit_gone(self, unit: Unit) -> None:
        """A container is no more."""
        if self._prewarming is not None:
            self._prewarming.changed()
        self.units.pop(unit.id, None)
        self.readiness.ended(unit)
        self.clients.gone(unit)
        if not self.units:
            self._idle.set()

    def background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a client's request until it is done or the session ends."""
        task = self.loop.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    def forget_segment(self, segment: int) -> None:
        """Shared memory of ours was freed: whoever has it mapped must hear so."""
        for unit in self.units.values():
            if unit.channel is not None:
                unit.channel.forget(segment)

    # ---- the end --------------------------------------------------------------------------------------------------

    async def stop(self, grace_s: float) -> None:
        """Stop all containers, with their exit methods, within `grace_s`; then kill what is left."""
        self.post(events.StopRequested())
        if self._room is not None:
            self._room.close()
            self._room = None
        await self.sandboxes.terminate_all()
        await asyncio.sleep(0)
        self._idle.clear()
        spares_gone = self.background(self._prewarming.close()) if self._prewarming is not None else None
        if self.units:
            try:
                await asyncio.wait_for(self._idle.wait(), grace_s)
            except TimeoutError:
                pass
        for unit in list(self.units.values()):
            unit.kill()
        await asyncio.gather(*(unit.finished() for unit in list(self.units.values())))
        if spares_gone is not None:
            await spares_gone
        await self._images.close()
        self._pump()
        if self._timer is not None:
            self._timer.cancel()
        for record in self.calls.open_calls():
            self.calls.end(record.id)
        self._wake_readers()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.sandboxes.close()
        self._observing.flush()


_CARRY_OUT: dict[type, Callable[[Driver, Any], None]] = {
    commands.Launch: Driver._launch,
    commands.Dispatch: Driver._dispatch,
    commands.CancelAttempts: Driver._cancel,
    commands.GrantCredit: Driver._grant,
    commands.Stop: Driver._stop,
    commands.Kill: Driver._kill,
    commands.Park: Driver._park,
    commands.Deliver: lambda driver, command: driver.calling.deliver(command),
    commands.InputsFailed: lambda driver, command: driver.calling.failed(command),
    commands.CallEnded: lambda driver, command: driver.calling.ended(command),
    commands.PoolForgotten: Driver._forgotten,
    commands.StartSandbox: lambda driver, command: driver.sandboxes.start(command),
    commands.KillSandbox: lambda driver, command: driver.sandboxes.kill(command),
    commands.KillProcess: lambda driver, command: driver.sandboxes.kill_process(command),
    commands.SandboxEnded: lambda driver, command: driver.sandboxes.ended(command),
    commands.AskForRoom: Driver._ask_for_room,
    commands.Notice: Driver._notice,
}
