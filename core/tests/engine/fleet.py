"""A simulated world for the engine: virtual time, containers that run programs, crash, answer late, twice, or not at
all.

A payload is a `Program`. The fleet carries out every command and checks on the way that no limit is exceeded.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from intermodal.engine import Engine
from intermodal.engine.commands import (
    CallEnded,
    CancelAttempts,
    Command,
    Deliver,
    Dispatch,
    DispatchedInput,
    GrantCredit,
    Kill,
    Launch,
    Notice,
    Park,
    Stop,
)
from intermodal.engine.events import (
    CallSubmitted,
    CapacityKnown,
    ClientLeft,
    ContainerExited,
    ContainerFailed,
    ContainerReady,
    Event,
    InputsReturned,
    InputWaiting,
    LaunchDeferred,
    Launched,
    PoolAdded,
    PoolSpec,
    ResultsArrived,
)
from intermodal.specs import ResourceTotals
from intermodal.specs.status import CANCELLED, ERROR, GENERATOR_END, ITEM, OK

_UNKNOWN = ResourceTotals()


@dataclass(frozen=True)
class Program:
    """What one input does. `fail` and `crash` say how many of its first tries do; `deaf`: it ignores cancellation."""

    value: Any = None
    sleep: float = 0.001
    fail: int = 0
    crash: int = 0
    deaf: bool = False
    items: int = 0
    pool: str = ""
    children: tuple[Program, ...] = ()


@dataclass
class Task:
    """A running input."""

    item: DispatchedInput
    attempt: int
    program: Program
    box: Box
    batch: int | None = None
    started: bool = False
    cancelled: bool = False
    call: str | None = None
    missing: int = 0
    over: bool = False
    credit: int = 0
    sent: int = 0
    hungry: bool = False


@dataclass(eq=False)
class Box:
    """One container."""

    id: str
    pool: str
    gpu: Any
    launched_at: float
    ready: bool = False
    parked: bool = False
    stopping: bool = False
    alive: bool = True
    queue: list[Task] = field(default_factory=list)
    running: dict[int, Task] = field(default_factory=dict)
    inputs: int = 0
    dispatched: list[tuple[float, list[DispatchedInput], bool]] = field(default_factory=list)

    @property
    def slots(self) -> int:
        singles = sum(1 for task in self.running.values() if task.batch is None)
        return singles + len({task.batch for task in self.running.values() if task.batch is not None})


class Fleet:
    """Engine and world together. `call_after` schedules what a test wants to happen."""

    def __init__(
        self,
        engine: Engine | None = None,
        *,
        totals: ResourceTotals = _UNKNOWN,
        seed: int = 0,
        chaos: bool = False,
        start_s: float = 0.02,
    ) -> None:
        self.engine = engine or Engine()
        self.now = 0.0
        self.random = Random(seed)
        self.chaos = chaos
        self.start_s = start_s
        self.totals = totals
        self.specs: dict[str, PoolSpec] = {}
        self.boxes: dict[str, Box] = {}
        self.commands: list[tuple[float, Command]] = []
        self.outputs: dict[str, list[tuple[int, int, Any]]] = {}
        self.ended: set[str] = set()
        self.nested: dict[str, Task] = {}
        self.ran: dict[Any, int] = {}
        self.late: list[ResultsArrived] = []
        self.launch_plan: Callable[[Launch], Any] = lambda launch: None
        self._serial = itertools.count(1)
        self._todo: list[tuple[float, int, Callable[[], None]]] = []
        self.send(CapacityKnown(totals))

    # ---- driving -----------------------------------------------------------------------------------------------------

    def add(self, pool: str, **options: Any) -> None:
        """Add a pool."""
        options.setdefault("app", "app")
        self.specs[pool] = PoolSpec(**options)
        self.send(PoolAdded(pool, self.specs[pool]))

    def submit(self, pool: str, programs: list[Program], call: str | None = None, **options: Any) -> str:
        """Submit a closed call from client "me"; its id."""
        call = call or f"call{next(self._serial)}"
        options.setdefault("client", "me")
        options.setdefault("closed", True)
        self.outputs.setdefault(call, [])
        self.send(CallSubmitted(call, pool, inputs=list(programs), **options))
        return call

    def send(self, *events: Event) -> None:
        """Give events to the engine now and carry out what it says."""
        for command in self.engine.receive(events, self.now):
            self.commands.append((self.now, command))
            self._carry_out(command)
        self.check()

    def call_after(self, delay: float, action: Callable[[], None]) -> None:
        """Do something later."""
        heapq.heappush(self._todo, (self.now + delay, next(self._serial), action))

    def run(self, until: float | None = None, steps: int = 200_000) -> None:
        """Let time pass until `until`, or until every call has ended and nothing is under way."""
        for _ in range(steps):
            deadline = self.engine.next_deadline()
            soonest = self._todo[0][0] if self._todo else None
            if until is None and not self.open_calls and (soonest is None or self._quiet()):
                return
            times = [time for time in (deadline, soonest) if time is not None]
            if not times or (until is not None and min(times) > until):
                if until is None:
                    raise AssertionError(
                        f"nothing will ever happen, and {self.open_calls} are open: {self.engine.snapshot()}"
                    )
                self.now = max(self.now, until)
                return
            self.now = max(self.now, min(times))
            if soonest is not None and soonest <= self.now:
                heapq.heappop(self._todo)[2]()
            else:
                self.send()
        raise AssertionError(f"it does not come to an end: {self.engine.snapshot()}")

    def describe(self) -> str:
        """What holds things up: for the message of a failed test."""
        core = self.engine._core
        lines = [f"{self.engine.snapshot().counters} at {self.now}; cpu {core.ledger.cpu} memory {core.ledger.memory}"]
        lines.append(f"unparks {[c.id for c in core.unparks]} cpu_wanted {core.cpu_wanted} leaving {core.leaving}")
        lines += [
            f"{name} {[pool.id for pool in getattr(core, name)]}" for name in ("slot_wanted", "starved", "hungry")
        ]
        for pool in core.pools.values():
            calls = [(call.id, call.depth, len(call.fresh), len(call.again)) for call in pool.queue.calls()]
            lines.append(
                f"{pool.id}: waiting {pool.waiting} supply {pool.supply} live {pool.live} busy {pool.busy} "
                f"idle {[*pool.idle]} bench {[*pool.benched]} "
                f"room {[*pool.room]} solo {pool.solo_size} failures {pool.start_failures} "
                f"try {pool.try_at} look {pool.look_at} calls {calls}"
            )
        for box in core.containers.values():
            inside = [
                (
                    item.owner.id,
                    item.index,
                    "live" if item.attempt == attempt else "dead",
                    item.extra and item.extra.waiting,
                )
                for attempt, item in box.running.items()
            ]
            lines.append(
                f"{box.id} of {box.pool.id}: life {box.life} parked {box.parked} waiting {box.waiting} dead {box.dead} "
                f"held {len(box.held)} draining {box.draining} solo {box.solo} grace {box.grace_at} {inside}"
            )
        return "\n".join(lines)

    def _quiet(self) -> bool:
        return not self.chaos and not any(box.running or box.queue or box.stopping for box in self.boxes.values())

    @property
    def open_calls(self) -> list[str]:
        """Calls of clients that have not ended."""
        return [call for call in self.outputs if call not in self.ended]

    def results(self, call: str) -> dict[int, tuple[int, Any]]:
        """Recorded results by index, items of generators left out. Fails where one has two."""
        found: dict[int, tuple[int, Any]] = {}
        for index, status, payload in self.outputs[call]:
            if status != ITEM:
                assert index not in found, f"two results for input {index} of {call}"
                found[index] = (status, payload)
        return found

    def values(self, call: str) -> list[Any]:
        """Values of a call all of whose inputs succeeded, in order."""
        results = self.results(call)
        assert all(status in (OK, GENERATOR_END) for status, _ in results.values()), results
        return [results[index][1] for index in sorted(results)]

    def said(self, kind: type) -> list[Any]:
        """Commands of one kind so far."""
        return [command for _, command in self.commands if isinstance(command, kind)]

    # ---- rules that hold at every moment -----------------------------------------------------------------------------

    def check(self) -> None:
        """Counters add up and no limit is exceeded."""
        counters = self.engine.counters
        assert counters.accepted == counters.succeeded + counters.failed + counters.cancelled + counters.pending
        assert counters.pending >= 0
        cpu = memory = 0.0
        gpus: dict[str, int] = {}
        unparked: dict[str, int] = {}
        for box in self.boxes.values():
            spec = self.specs[box.pool]
            memory += spec.resources.memory
            if not box.parked:
                cpu += spec.resources.cpu
                unparked[box.pool] = unparked.get(box.pool, 0) + 1
            if box.gpu is not None:
                gpus[box.gpu.kind] = gpus.get(box.gpu.kind, 0) + box.gpu.count
            assert box.slots <= spec.max_inputs, f"{box.slots} at once in {box.id}"
        totals = self.totals
        assert totals.cpu is None or cpu <= totals.cpu + 1e-6, f"{cpu} cores held"
        assert totals.memory is None or memory <= totals.memory, f"{memory} MiB held"
        assert totals.gpus is None or all(count <= totals.gpus.get(kind, 0) for kind, count in gpus.items()), gpus
        for pool, count in unparked.items():
            most = self.specs[pool].scaling.max_containers
            assert most is None or count <= most, f"{count} unparked containers in {pool}"

    # ---- carrying out commands ---------------------------------------------------------------------------------------

    def _carry_out(self, command: Command) -> None:
        if isinstance(command, Launch):
            self._launch(command)
        elif isinstance(command, Deliver):
            self._deliver(command)
        elif isinstance(command, CallEnded):
            assert command.call not in self.ended, "a call ended twice"
            self.ended.add(command.call)
            self.nested.pop(command.call, None)
        elif not isinstance(command, Notice) and (box := self.boxes.get(command.container)):
            self._tell(box, command)

    def _launch(self, command: Launch) -> None:
        box = Box(command.container, command.pool, command.gpu, self.now)
        assert box.id not in self.boxes
        self.boxes[box.id] = box
        plan = self.launch_plan(command)
        if plan == "defer":
            self.call_after(0.001, lambda: self._defer(box))
        elif plan == "fail" or plan == "fatal":
            self.call_after(self.start_s, lambda: self._fail_start(box, plan == "fatal"))
        elif plan == "die":
            self.call_after(self.start_s, lambda: self._exit(box, "killed"))
        elif plan == "hang":
            self.call_after(0.001, lambda: box.alive and self.send(Launched(box.id)))
        else:
            self.call_after(self.start_s * (0.5 + self.random.random()), lambda: self._ready(box))

    def _defer(self, box: Box) -> None:
        if box.alive:
            box.alive = False
            del self.boxes[box.id]
            self.send(LaunchDeferred(box.id, "the host is full"))

    def _fail_start(self, box: Box, fatal: bool) -> None:
        if box.alive:
            self.send(ContainerFailed(box.id, "broken enter", fatal))
            self._exit(box, "exited")

    def _ready(self, box: Box) -> None:
        if box.alive:
            box.ready = True
            self.send(Launched(box.id), ContainerReady(box.id))

    def _tell(self, box: Box, command: Command) -> None:
        if isinstance(command, Dispatch):
            assert box.ready, f"inputs for {box}"
            assert not box.stopping, f"inputs for {box}"
            assert not box.parked, f"inputs for {box}"
            batch = next(self._serial) if command.batch else None
            box.dispatched.append((self.now, list(command.inputs), command.batch))
            for item in command.inputs:
                box.queue.append(Task(item, item.attempt, item.payload, box, batch))
            self._start_some(box)
        elif isinstance(command, CancelAttempts):
            for attempt in command.attempts:
                self._interrupt(box, attempt)
        elif isinstance(command, GrantCredit):
            for task in [*box.running.values(), *box.queue]:
                if task.attempt == command.attempt:
                    task.credit += command.items
                    if task.hungry:
                        task.hungry = False
                        self._produce(task)
        elif isinstance(command, Park):
            assert box.parked != command.parked
            box.parked = command.parked
        elif isinstance(command, Stop):
            box.stopping = True
            self._leave_if_done(box)
        elif isinstance(command, Kill):
            self.call_after(0.002, lambda: self._exit(box, "killed"))

    def _start_some(self, box: Box) -> None:
        most = self.specs[box.pool].max_inputs
        while box.queue and box.alive:
            first = box.queue[0]
            if box.slots >= most:
                break
            count = 1
            while first.batch is not None and count < len(box.queue) and box.queue[count].batch == first.batch:
                count += 1
            tasks, box.queue = box.queue[:count], box.queue[count:]
            for task in tasks:
                box.running[task.attempt] = task
            for task in tasks:
                self._start(task)
        if box.queue and most == 1:
            stuck = next(iter(box.running))
            self.call_after(0.02, lambda: self._give_back(box, stuck))

    def _start(self, task: Task) -> None:
        task.started = True
        program = task.program
        self.ran[program.value] = self.ran.get(program.value, 0) + 1
        if program.children:
            task.call = f"nested{next(self._serial)}"
            self.nested[task.call] = task
            task.missing = len(program.children)
            children, parent, box = list(program.children), task.attempt, task.box
            call = task.call

            def begin() -> None:
                if box.alive and not task.over:
                    submitted = CallSubmitted(call, program.pool, f"container:{box.id}", children, True, parent=parent)
                    self.send(submitted, InputWaiting(parent, True))

            self.call_after(0.0, begin)
        elif program.items:
            self.call_after(program.sleep, lambda: self._produce(task))
        else:
            self.call_after(program.sleep, lambda: self._end(task))

    def _produce(self, task: Task) -> None:
        if task.over or not task.box.alive:
            return
        if task.sent >= task.program.items:
            self._end(task)
        elif task.sent >= task.credit:
            task.hungry = True
        else:
            task.sent += 1
            self.send(ResultsArrived(task.box.id, [task.attempt], [ITEM], [task.sent]))
            self.call_after(task.program.sleep, lambda: self._produce(task))

    def _end(self, task: Task) -> None:
        box, program, tries = task.box, task.program, task.item.tries
        if task.over or not box.alive:
            return
        if tries <= program.crash:
            self._exit(box, "killed")
        elif task.cancelled:
            self._answer(task, CANCELLED, None)
        elif tries <= program.fail:
            self._answer(task, ERROR, f"error {tries}")
        else:
            self._answer(task, GENERATOR_END if program.items else OK, program.value)

    def _answer(self, task: Task, status: int, payload: Any) -> None:
        box = task.box
        task.over = True
        box.running.pop(task.attempt, None)
        results = ResultsArrived(
            box.id, [task.attempt], [status], [payload], task.program.sleep, task.program.sleep / 4
        )
        self._start_some(box)
        if self.chaos and self.random.random() < 0.2:
            self.call_after(
                self.random.random() * 0.05, lambda: self.send(results)
            )  # twice, the second perhaps too late
        self.send(results)
        if self.chaos and self.random.random() < 0.02 and box.alive:
            self._exit(box, self.random.choice(["killed", "lost", "out_of_memory"]))
        self._leave_if_done(box)

    def _give_back(self, box: Box, stuck: int) -> None:
        if box.alive and stuck in box.running and box.queue:
            given, box.queue = box.queue, []
            self.send(InputsReturned(box.id, [task.attempt for task in given]))

    def _interrupt(self, box: Box, attempt: int) -> None:
        for task in box.queue:
            if task.attempt == attempt:
                box.queue.remove(task)
                self.call_after(
                    0.0, lambda: box.alive and self.send(ResultsArrived(box.id, [attempt], [CANCELLED], [None]))
                )
                return
        running = box.running.get(attempt)
        if running is not None and not running.program.deaf:
            running.cancelled = True
            self.call_after(0.001, lambda: running.over or not box.alive or self._answer(running, CANCELLED, None))

    def _leave_if_done(self, box: Box) -> None:
        if box.stopping and not box.running and not box.queue and box.alive:
            self.call_after(0.001, lambda: self._exit(box, "exited"))

    def _exit(self, box: Box, cause: Any) -> None:
        if not box.alive:
            return
        box.alive = False
        del self.boxes[box.id]
        for task in [*box.running.values(), *box.queue]:
            if (
                self.chaos and self.random.random() < 0.3
            ):  # a result that was on its way when the container was given up
                late = ResultsArrived(box.id, [task.attempt], [OK], ["late"])
                self.call_after(0.01, lambda late=late: self.send(late))  # type: ignore[misc]
            task.over = True
        self.send(ContainerExited(box.id, cause, "simulated"), ClientLeft(f"container:{box.id}"))

    def _deliver(self, command: Deliver) -> None:
        assert len(command.indices) == len(command.statuses) == len(command.payloads)
        assert command.call not in self.ended, "outputs after the end of the call"
        if command.call not in self.nested:
            self.outputs[command.call] += zip(command.indices, command.statuses, command.payloads, strict=True)
            return
        task = self.nested[command.call]
        assert not task.box.parked, "outputs for a parked container"
        task.missing -= len(command.indices)
        if task.missing == 0 and not task.over and task.box.alive:
            self.call_after(0.0, lambda: self._go_on(task))

    def _go_on(self, task: Task) -> None:
        if not task.over and task.box.alive:
            self.send(InputWaiting(task.attempt, False))
            self.call_after(task.program.sleep, lambda: self._end(task))
