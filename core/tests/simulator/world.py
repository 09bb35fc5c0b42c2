"""The simulated world: the real engine, virtual time, containers, clients, a network.

The world carries out every command and checks on the way that no limit is exceeded, that an input gets one result,
and that nothing goes on running that nobody waits for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from intermodal.engine import Engine
from intermodal.engine.commands import (
    Command,
    Deliver,
    Launch,
)
from intermodal.engine.events import (
    AutoscalerUpdated,
    CallSubmitted,
    CapacityKnown,
    ContainerExited,
    Event,
    InputWaiting,
    LaunchDeferred,
    PoolAdded,
    PoolSpec,
)
from intermodal.engine.model import ATTEMPT_BITS
from intermodal.specs import ResourceTotals
from intermodal.specs.status import GENERATOR_END, ITEM, OK

from .agenda import Agenda
from .container import Container, Task
from .faults import CALM, Odds
from .invariants import describe
from .limits import Limits
from .network import Network
from .orders import CARRY_OUT
from .program import Program
from .timeline import Timeline
from .watch import Watch

__all__ = ["World"]

_UNKNOWN = ResourceTotals()


class World:
    """Engine and world together.

    Args:
        totals: what the backend reports.
        seed: of all chance in this world.
        odds: what containers and network do wrong by chance.
        start_s: about how long a container takes to be ready, seconds.
        turn_s: what containers say is heard by the engine together every so often, as by a driver's loop, seconds.
        record: keep outputs and a timeline. Without it a world of millions of inputs stays small.
    """

    def __init__(
        self,
        engine: Engine | None = None,
        *,
        totals: ResourceTotals = _UNKNOWN,
        seed: int = 0,
        odds: Odds = CALM,
        start_s: float = 0.02,
        turn_s: float = 0.0,
        record: bool = True,
    ) -> None:
        self.engine = engine or Engine()
        self.prefix = self.engine._core.prefix
        self._counters = self.engine._core.counters
        self.agenda = Agenda()
        self.random = Random(seed)
        self.odds = odds
        self.start_s = start_s
        self.turn_s = turn_s
        self.record = record
        self.limits = Limits(totals)
        self.network = Network(self)
        self.timeline = Timeline()
        self.containers: dict[str, Container] = {}
        self.open_calls: dict[str, None] = {}  #: of clients, nested ones left out, that have not ended
        self.outputs: dict[str, list[tuple[int, int, Any]]] = {}
        self.delivered = 0  #: recorded results
        self.ended: set[str] = set()
        self.forgotten: set[str] = set()  #: pools that the engine let go of; they come back with their next call
        self.nested: dict[str, Task] = {}
        self.ran: dict[Any, int] = {}
        self.launch_plan: Callable[[Launch], Any] = lambda launch: None
        self.on_outputs: Callable[[Deliver], None] = lambda command: None
        self.on_turn: Callable[[], None] = lambda: None
        self.clock_error_s = 0.0  #: how wrong the clock is that the engine is given
        self._serial = 0
        self._wake_at: float | None = None
        self._deadline: float | None = None
        self._armed_error_s = 0.0
        self.woke: set[str] = set()  #: containers that said in this turn that they go on
        self._posted: list[Event] = []
        self.watch = Watch(self)
        self.send(CapacityKnown(totals))

    # ---- driving -----------------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Virtual time, seconds."""
        return self.agenda.now

    @property
    def specs(self) -> dict[str, PoolSpec]:
        """Pools by id, as they are now."""
        return self.limits.specs

    def chance(self, probability: float) -> bool:
        """Whether it happens this time."""
        return probability > 0 and self.random.random() < probability

    def new_call(self, prefix: str = "call") -> str:
        """An id."""
        self._serial += 1
        return f"{prefix}{self._serial}"

    def add(self, pool: str, **options: Any) -> None:
        """Add a pool."""
        options.setdefault("app", "app")
        self.send(PoolAdded(pool, PoolSpec(**options)))

    def submit(self, pool: str, programs: list[Program], call: str | None = None, **options: Any) -> str:
        """Submit a closed call from client "me"; its id."""
        call = call or self.new_call()
        options.setdefault("client", "me")
        options.setdefault("closed", True)
        self.open_calls[call] = None
        self.send(CallSubmitted(call, pool, inputs=list(programs), **options))
        return call

    def after(self, delay: float, action: Callable[..., Any], *args: Any) -> None:
        """Do something later."""
        self.agenda.after(delay, action, *args)

    def post(self, *events: Event) -> None:
        """Tell the engine at the end of this turn, together with what else happens in it."""
        if not self._posted:
            wait = self.turn_s - self.now % self.turn_s if self.turn_s else 0.0
            self.agenda.after(wait, self._turn)
        self._posted += events

    def _turn(self) -> None:
        posted, self._posted = self._posted, []
        self.send(*posted)

    def send(self, *events: Event) -> None:
        """Give events to the engine now and carry out what it says."""
        self._tell(events, self.now + self.clock_error_s)

    def _tell(self, events: tuple[Event, ...], clock: float) -> None:
        events = (*self._forgotten_pools(events), *events)
        if self.record:
            self.timeline.events(self.now, events)
        commands = self.engine.receive(events, clock)
        self._arm(clock)
        goes_on = [event.attempt for event in events if type(event) is InputWaiting and not event.waiting]
        self.woke = {f"{self.prefix}{attempt >> ATTEMPT_BITS}" for attempt in goes_on}
        for event in events:
            if isinstance(event, (ContainerExited, LaunchDeferred)):
                self.limits.give(event.container)
            elif isinstance(event, PoolAdded):
                self.specs.setdefault(event.pool, event.spec)
            elif isinstance(event, AutoscalerUpdated):
                spec = self.specs[event.pool]
                self.specs[event.pool] = replace(spec, scaling=event.scaling)
            elif isinstance(event, CapacityKnown):
                self.limits.totals = event.totals
        if self.record:
            self.timeline.commands(self.now, commands)
        for command in commands:
            carry_out = CARRY_OUT.get(type(command))
            if carry_out is not None:
                carry_out(self, command)
        counters = self._counters
        assert counters.accepted == counters.succeeded + counters.failed + counters.cancelled + counters.pending
        assert counters.pending >= 0
        self.on_turn()

    def _forgotten_pools(self, events: tuple[Event, ...]) -> list[Event]:
        wanted = {event.pool for event in events if isinstance(event, CallSubmitted)} & self.forgotten
        self.forgotten -= wanted
        return [PoolAdded(pool, self.specs[pool]) for pool in sorted(wanted)]

    def _arm(self, clock: float) -> None:
        """Set an alarm as a driver does: so long from now, whatever happens to the clock meanwhile."""
        self._deadline = deadline = self.engine.next_deadline()
        self._armed_error_s = self.clock_error_s
        self._wake_at = None if deadline is None else self.now + max(0.0, deadline - clock)

    def _wake(self) -> None:
        clock = self.now + self.clock_error_s
        if self._armed_error_s == self.clock_error_s:
            clock = max(clock, self._deadline or clock)  # sums of floats may be a little less
        self._tell((), clock)

    def run(self, until: float | None = None, steps: int = 1_000_000) -> None:
        """Let time pass until `until`, or until every call of a client has ended and nothing is under way."""
        for _ in range(steps):
            if until is None and not self.open_calls and self._quiet():
                return
            soonest = self.agenda.next()
            deadline = self._wake_at
            if deadline is None and soonest is None and until is None:
                raise AssertionError(f"nothing will ever happen, and {[*self.open_calls]} are open\n{self.describe()}")
            if deadline is None or (soonest is not None and soonest <= deadline):
                if not self._pass_to(soonest, until):
                    return
                self.agenda.step()
            else:
                if not self._pass_to(deadline, until):
                    return
                self._wake()
        raise AssertionError(f"it does not come to an end\n{self.describe()}")

    def _pass_to(self, when: float | None, until: float | None) -> bool:
        if when is None or (until is not None and when > until):
            self.agenda.now = max(self.now, until or 0.0)
            return False
        self.agenda.now = max(self.now, when)
        return True

    def describe(self) -> str:
        """What holds things up: for the message of a failed test."""
        return f"at {self.now}: {describe(self.engine)}"

    def _quiet(self) -> bool:
        boxes = self.containers.values()
        heard = len(self.limits) == len(boxes) and not self._posted  # the engine knows of every end
        return heard and not any(box.running or box.queue or box.stopping for box in boxes)

    def results(self, call: str) -> dict[int, tuple[int, Any]]:
        """Recorded results by index, items of generators left out. Fails where one has two."""
        found: dict[int, tuple[int, Any]] = {}
        for index, status, payload in self.outputs.get(call, ()):
            if status != ITEM:
                assert index not in found, f"two results for input {index} of {call}"
                found[index] = (status, payload)
        return found

    def values(self, call: str) -> list[Any]:
        """Values of a call all of whose inputs succeeded, in order."""
        results = self.results(call)
        assert all(status in (OK, GENERATOR_END) for status, _ in results.values()), results
        return [results[index][1] for index in sorted(results)]

    @property
    def commands(self) -> list[tuple[float, Command]]:
        """All commands so far with their times."""
        return self.timeline.said

    def said(self, kind: type) -> list[Any]:
        """Commands of one kind so far."""
        return [command for _, command in self.timeline.said if isinstance(command, kind)]

    # ---- what containers tell ----------------------------------------------------------------------------------------

    def began(self, task: Task) -> None:
        """An input started to run."""
        if self.record:
            value = task.program.value
            self.ran[value] = self.ran.get(value, 0) + 1
            self.watch.began(task)

    def ended_running(self, task: Task) -> None:
        """An input has stopped running."""
        if self.record:
            self.watch.ended(task)

    def vanished(self, box: Container) -> None:
        """A container is no more."""
        del self.containers[box.id]
        self.network.forget(box.id)
