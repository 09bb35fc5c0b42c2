"""The state machine itself: events in, commands out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from intermodal.engine import (
    calls,
    cancelling,
    events,
    giving,
    lifecycle,
    parking,
    pools,
    recording,
    results,
    room,
    sandboxes,
)
from intermodal.engine.builds import build_waits
from intermodal.engine.commands import Command
from intermodal.engine.core import Core, Counters, Settings
from intermodal.engine.deadlines import pass_time
from intermodal.engine.dispatch import dispatch
from intermodal.engine.events import Event
from intermodal.engine.model import Life, Pool
from intermodal.engine.scaling import may_grow, scale
from intermodal.specs import GpuRequest, Resources

__all__ = ["Engine", "PoolView", "Snapshot"]

_HANDLERS: dict[type, Callable[[Core, Any], None]] = {
    events.AutoscalerUpdated: pools.autoscaler_updated,
    events.BuildWaits: build_waits,
    events.CallCancelled: cancelling.call_cancelled,
    events.CallSubmitted: calls.call_submitted,
    events.CapacityKnown: pools.capacity_known,
    events.ClientLeft: cancelling.client_left,
    events.ContainerExited: lifecycle.container_exited,
    events.ContainerFailed: lifecycle.container_failed,
    events.ContainerReady: lifecycle.container_ready,
    events.ContainerTried: pools.container_tried,
    events.CreditGranted: calls.credit_granted,
    events.InputWaiting: parking.input_waiting,
    events.InputsAdded: calls.inputs_added,
    events.InputsCancelled: cancelling.inputs_cancelled,
    events.InputsReturned: results.inputs_returned,
    events.LaunchDeferred: room.launch_deferred,
    events.Launched: lifecycle.launched,
    events.PoolAdded: pools.pool_added,
    events.PoolFailed: pools.pool_failed,
    events.ResultsArrived: results.results_arrived,
    events.RoomWanted: giving.room_wanted,
    events.SandboxCreated: sandboxes.created,
    events.SandboxDeferred: sandboxes.deferred,
    events.SandboxGone: sandboxes.gone,
    events.SandboxProcessEnded: sandboxes.process_ended,
    events.SandboxProcessStarted: sandboxes.process_started,
    events.SandboxProgramEnded: sandboxes.program_ended,
    events.SandboxStarted: sandboxes.started,
    events.SandboxTerminated: sandboxes.terminated,
    events.StopRequested: pools.stop_requested,
    events.UnusedPoolsForgotten: pools.unused_pools_forgotten,
}


@dataclass(frozen=True, slots=True)
class PoolView:
    """What one pool looks like now. Counts of inputs and containers."""

    queued: int
    running: int
    starting: int
    ready: int
    parked: int
    stopping: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What the engine looks like now: the counters, and each pool by id."""

    counters: Counters
    calls: int
    pools: dict[str, PoolView]


class Engine:
    """The semantics as a pure state machine: no clock, no threads, no sockets. Equal events give equal commands.

    Args:
        gpu_wait_s: how long a busy GPU choice is waited for before the next of the list (gpu.request), seconds.
        prefix: what container ids start with, `[a-z0-9-]+`; several engines on one host need different ones.
        settings: the other constants of the rules.
    """

    def __init__(self, *, gpu_wait_s: float | None = None, prefix: str = "c", settings: Settings | None = None) -> None:
        settings = settings or Settings()
        if gpu_wait_s is not None:
            settings = replace(settings, gpu_wait_s=gpu_wait_s)
        self._core = Core(settings, prefix)
        self._seen = 0.0  # the latest `now`
        self._behind = 0.0  # seconds that the clock was set back in all

    def receive(self, events: Iterable[Event], now: float) -> list[Command]:
        """Take events, and what has come due by `now` (seconds of any monotonic clock); give the commands, in order.

        A clock that was set back does no harm: the engine's time stands still at that moment and then goes on with it.
        """
        core = self._core
        if now < self._seen:
            self._behind += self._seen - now
        self._seen = now
        if self._behind:
            now += self._behind
        if now > core.now:
            core.now = now
        if core.timers.soonest <= core.now:
            pass_time(core)
        core.alone = isinstance(events, list) and len(events) == 1
        for event in events:
            _HANDLERS[type(event)](core, event)
        self._follow_up()
        if core.forgetting:
            pools.forget_unused(core)
        commands, core.commands = core.commands, []
        return commands

    def next_deadline(self) -> float | None:
        """When, by the caller's clock, `receive` wants to be called whatever happens; None: not before an event."""
        deadline = self._core.timers.next()
        if deadline is None or not self._behind:
            return deadline
        return deadline - self._behind + 2 * math.ulp(max(deadline, self._behind))  # rounded so that it is due then

    def call_of_key(self, key: str) -> str | None:
        """The call that was submitted with this idempotency key (fault 6)."""
        return self._core.keys.get(key)

    def may_grow(self, pool: str) -> bool:
        """Whether one more container of the pool could start now, within its limits and what there is, GPUs aside."""
        known = self._core.pools.get(pool)
        return known is not None and may_grow(self._core, known)

    def whose(self, container: str, attempt: int) -> tuple[str | None, int | None]:
        """Call and index of what an attempt in a container works on. Of inputs that run as one batch it has the call
        that they share and no index; None for what nothing is known of."""
        holder = self._core.containers.get(container)
        item = holder.running.get(attempt) if holder is not None else None
        if holder is None or item is None:
            return None, None
        group = holder.groups.get(attempt)
        if group is None or len(group.attempts) == 1:
            return item.owner.id, item.index
        calls = {holder.running[each].owner.id for each in group.attempts if each in holder.running}
        return calls.pop() if len(calls) == 1 else None, None

    def lacks_gpus(self, request: GpuRequest) -> str | None:
        """Why none of the choices can ever be had here, with what there is; None where one can."""
        return self._core.ledger.never(Resources(cpu=0.0, memory=0, gpu=request))

    def left_over(self, wanted: Resources) -> Resources:
        """What of `wanted` would still be lacking after a `RoomWanted`; `wanted` itself where nothing here can help."""
        return giving.left_over(self._core, wanted)

    @property
    def stopped(self) -> bool:
        """A stop was requested and no container of what was stopped is left."""
        core = self._core
        return core.stop_requested and not any(container.pool.stopping for container in core.containers.values())

    @property
    def counters(self) -> Counters:
        """Inputs so far; a copy."""
        return replace(self._core.counters)

    def snapshot(self) -> Snapshot:
        """What a progress display shows. O(containers)."""
        core = self._core
        return Snapshot(self.counters, len(core.calls), {pool.id: _view(pool) for pool in core.pools.values()})

    def _follow_up(self) -> None:
        core = self._core
        if core.waiting_sandboxes:
            sandboxes.admit(core)
        while core.orphans or core.outputs or core.dirty:
            if core.orphans:
                cancelling.cancel_orphans(core)
            if core.outputs:
                recording.flush(core)
            if core.unparks or core.cpu_wanted or core.slot_wanted:
                parking.unpark_waiting(core)
            if core.cancels:
                core.flush_cancels()
            dirty = core.dirty
            # who has nothing gets resources first, then who is deeper in a chain of nested calls
            pools = [*dirty] if len(dirty) < 2 else sorted(dirty, key=lambda pool: (pool.supply > 0, -pool.depth))
            for pool in pools:
                waiting = pool.waiting
                if waiting:
                    dispatch(core, pool)
                    waiting = pool.waiting
                if waiting or dirty.get(pool) or pool.spec.scaling.buffer_containers:
                    scale(core, pool)
                    if pool.idle and pool.waiting:
                        dispatch(core, pool)
                dirty.pop(pool, None)
        if core.cancels:
            core.flush_cancels()


def _view(pool: Pool) -> PoolView:
    lives = [container.life for container in pool.containers.values()]
    parked = sum(1 for container in pool.containers.values() if container.parked)
    running = sum(len(container.running) for container in pool.containers.values())
    return PoolView(
        queued=pool.waiting,
        running=running,
        starting=lives.count(Life.LAUNCHING) + lives.count(Life.STARTING),
        ready=lives.count(Life.READY) - parked,
        parked=parked,
        stopping=lives.count(Life.STOPPING) + lives.count(Life.KILLING),
    )
