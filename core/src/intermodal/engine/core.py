"""The tables that all rules share, and the few moves that every rule makes: emit, touch, settle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from intermodal.engine.commands import CancelAttempts, Command, Notice
from intermodal.engine.model import ATTEMPT_BITS, Call, Container, Input, Life, Pool, Sandbox, Shelf
from intermodal.engine.resources import Ledger
from intermodal.engine.timers import Timers

__all__ = ["Core", "Counters", "Settings"]

_READY = Life.READY
_NONE, _IDLE, _ROOM = Shelf.NONE, Shelf.IDLE, Shelf.ROOM


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Constants of the rules. Seconds.

    Args:
        gpu_wait_s: how long a GPU choice that is merely busy is waited for before the next one (gpu.request).
        max_losses: containers that may die under one input before it fails (retry.poison).
        loss_backoff_s: wait before the second try after a loss, doubled for each further one; the first is at once.
        max_starts: failed starts in a row before waiting inputs fail (cls.enter-fails).
        start_backoff_s: wait after a failed start, doubled up to `max_backoff_s`.
        max_backoff_s: longest wait between tries to start a container.
        stop_slack_s: what a stopping container gets beyond its grace period before it is killed.
        drain_s: a backlog that present containers finish in this time starts no further ones.
        stall_s: without a result for so long, inputs are taken to last at least that long.
        ahead_s: how much work is sent ahead to a container.
        confirm_s: a container whose nested outputs were delivered is parked again if it does not go on in this time.
        residence_s: a container works at least so long before it must make room for another pool's.
        startup_s: limit for start-up where the function has none and its timeout is shorter.
        unknown_cores: containers started before anything is measured where the number of cores is not known.
    """

    gpu_wait_s: float = 10.0
    max_losses: int = 3
    loss_backoff_s: float = 0.5
    max_starts: int = 3
    start_backoff_s: float = 0.1
    max_backoff_s: float = 5.0
    stop_slack_s: float = 2.0
    drain_s: float = 0.1
    stall_s: float = 0.25
    ahead_s: float = 0.010
    confirm_s: float = 0.05
    residence_s: float = 1.0
    startup_s: float = 300.0
    unknown_cores: int = 8


@dataclass(slots=True)
class Counters:
    """Inputs since the engine was made. accepted = succeeded + failed + cancelled + pending. `fenced`: refused
    results."""

    accepted: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    pending: int = 0
    fenced: int = 0


class Core:
    """Everything the engine knows."""

    def __init__(self, settings: Settings, prefix: str) -> None:
        self.settings = settings
        self.prefix = prefix
        self.now = 0.0
        self.commands: list[Command] = []
        self.counters = Counters()
        self.ledger = Ledger()
        self.timers = Timers()
        self.calls: dict[str, Call] = {}
        self.keys: dict[str, str] = {}
        self.clients: dict[str, dict[str, Call]] = {}
        self.pools: dict[str, Pool] = {}
        self.containers: dict[str, Container] = {}
        self.numbered: dict[int, Container] = {}
        self.next_number = 1
        self.outputs: dict[Call, None] = {}  # calls with something to deliver
        self.cancels: dict[Container, list[int]] = {}
        self.orphans: list[Call] = []  # nested calls whose input has ended
        self.dirty: dict[Pool, bool] = {}  # pools to look at before the commands go out; True: scaling too
        self.starved: dict[Pool, None] = {}  # pools that wait for resources
        self.hungry: dict[Pool, None] = {}  # those of them without any container, for cpu or memory: they go first
        self.unparks: dict[Container, None] = {}  # parked containers whose nested outputs wait
        self.cpu_wanted = False  # one of them waits for cpu
        self.slot_wanted: dict[Pool, None] = {}  # pools in which one waits for a slot
        self.evicting: tuple[Container, Call] | None = None  # the container to end next turn, and for which call
        self.put_off: dict[Call, list[Input]] = {}  # evicted inputs by the call that they made room for
        self.sandboxes: dict[str, Sandbox] = {}
        self.waiting_sandboxes: dict[Sandbox, None] = {}  # for room, in order
        self.submitted = 0  # calls so far
        self.alone = False  # this turn has one event
        self.leaving = 0  # containers on their way out
        self.stop_requested = False
        self.forgetting = False  # unused pools go at the end of this turn

    def emit(self, command: Command) -> None:
        """Give a command to the driver."""
        self.commands.append(command)

    def notice(
        self,
        message: str,
        level: Literal["info", "warning"] = "info",
        *,
        call: Call | None = None,
        pool: Pool | None = None,
        container: Container | None = None,
    ) -> None:
        """Tell a person."""
        pool = pool or (container.pool if container else None)
        who = (thing.id if thing is not None else None for thing in (call, pool, container))
        self.emit(Notice(level, message, *who))

    def touch(self, call: Call) -> None:
        """The call has outputs, or may have ended."""
        self.outputs[call] = None

    def holder(self, item: Input) -> Container:
        """The container that runs the input's live attempt."""
        return self.numbered[item.attempt >> ATTEMPT_BITS]

    def running(self, attempt: int) -> tuple[Container, Input] | None:
        """Container and input of a live attempt; None where it is late."""
        container = self.numbered.get(attempt >> ATTEMPT_BITS)
        item = container.running.get(attempt) if container else None
        return (container, item) if container and item and item.attempt == attempt else None

    def cancel(self, container: Container, attempts: list[int]) -> None:
        """Ask the container to interrupt or drop these."""
        self.cancels.setdefault(container, []).extend(attempts)

    def look_at(self, *pools: Pool) -> None:
        """Dispatch in these pools, and scale them, before the commands go out."""
        for pool in pools:
            self.dirty[pool] = True

    def freed(self) -> None:
        """Resources came back: those who wait for some look again."""
        self.look_at(*self.starved)

    def loaded(self, container: Container) -> None:
        """The same as `settle` where nothing but `running` changed: most changes are of this kind, so it is quick.

        An idle container more or less does not ask for scaling, only for a look when its window is over; inputs that
        are left waiting do (`Engine`).
        """
        if (
            container.life != _READY
            or container.draining
            or container.parked
            or container.solo
            or container.grace_at is not None
        ):
            self.settle(container)
            return
        pool = container.pool
        load = len(container.running)
        if container.groups:
            load += container.batches - len(container.groups)
        pool.busy += load - container.counted
        container.counted = load
        shelf = _IDLE if not load else _ROOM if load <= pool.refill else _NONE
        if shelf != container.shelf:
            self._move(container, shelf)
            if not load:
                self.timers.wake(pool, self.now + pool.spec.scaling.window_s)
        if pool not in self.dirty:
            self.dirty[pool] = False

    def settle(self, container: Container) -> None:
        """Bring the pool's sums and shelves in line with the container. Call it after any change to one."""
        pool = container.pool
        load = len(container.running) - len(container.groups) + container.batches
        present = container.life != Life.GONE
        unparked = present and not container.parked
        leaving = container.leaving
        busy = load if unparked and not leaving else 0
        pool.busy += busy - container.counted
        container.counted = busy
        standing = (
            1 if unparked else 0,
            1 if unparked and not leaving else 0,
            1 if present and leaving and (unparked or container.life >= Life.STOPPING) else 0,
        )
        before = container.standing
        if standing != before:
            pool.live += standing[0] - before[0]
            pool.supply += standing[1] - before[1]
            self.leaving += standing[2] - before[2]
            container.standing = standing
        if not load:
            container.solo = False
        shelf = Shelf.NONE
        if container.life == Life.READY and not (
            container.draining or container.solo or container.grace_at is not None
        ):
            if container.parked:
                shelf = Shelf.NONE if load else Shelf.BENCH
            elif load <= pool.refill:
                shelf = Shelf.ROOM if load else Shelf.IDLE
        if shelf != container.shelf:
            self._move(container, shelf)
        self.dirty[pool] = True

    def _move(self, container: Container, shelf: int) -> None:
        pool = container.pool
        shelves = pool.shelves
        if container.shelf:
            del shelves[container.shelf][container.id]
        container.shelf = shelf
        if shelf:
            shelves[shelf][container.id] = container
            container.idle_since = self.now

    def flush_cancels(self) -> None:
        """Emit the collected `CancelAttempts`."""
        cancels, self.cancels = self.cancels, {}
        for container, attempts in cancels.items():
            if container.life == Life.READY or container.life == Life.STOPPING:
                self.emit(CancelAttempts(container.id, attempts))
