"""A simulated container with its guest: starts, runs inputs, yields, calls others, is interrupted, dies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from intermodal.engine.commands import CancelAttempts, Dispatch, DispatchedInput, GrantCredit, Launch
from intermodal.engine.events import (
    CallSubmitted,
    ClientLeft,
    ContainerExited,
    ContainerFailed,
    ContainerReady,
    InputsReturned,
    InputWaiting,
    LaunchDeferred,
    Launched,
    PoolSpec,
    ResultsArrived,
)
from intermodal.specs.status import CANCELLED, ERROR, GENERATOR_END, ITEM, OK

from .program import Program

if TYPE_CHECKING:
    from .world import World

__all__ = ["Container", "Task"]

#: A guest gives back what it has not begun when the running input takes longer than this, seconds.
PATIENCE_S = 0.02


class Task:
    """An input in a container. `over`: it has answered, or its container is gone."""

    __slots__ = (
        "attempt", "batch", "box", "call", "cancelled", "credit", "hungry", "index", "missing", "over", "owner",
        "program", "sent", "tries",
    )  # fmt: skip

    def __init__(self, item: DispatchedInput, box: Container, batch: int | None) -> None:
        self.attempt = item.attempt
        self.tries = item.tries
        self.owner = item.call
        self.index = item.index
        self.program: Program = item.payload
        self.box = box
        self.batch = batch
        self.cancelled = self.over = self.hungry = False
        self.call: str | None = None  #: the nested call it waits for
        self.missing = 0
        self.credit = 0
        self.sent = 0


class Container:
    """One container. `ready` and `stopping` are what it knows; what the engine knows may be older or newer."""

    __slots__ = (
        "alive", "gpu", "id", "launched_at", "pool", "queue", "ready", "running", "single", "slots", "spec", "stays",
        "stopping", "world",
    )  # fmt: skip

    def __init__(self, world: World, command: Launch, spec: PoolSpec) -> None:
        self.world = world
        self.id = command.container
        self.pool = command.pool
        self.gpu = command.gpu
        self.spec = spec
        self.launched_at = world.now
        self.ready = self.stopping = False
        self.alive = True
        self.queue: list[Task] = []
        self.running: dict[int, Task] = {}
        self.slots = 0  #: a batch takes one
        plain = all(not m.is_generator and m.batching is None for m in spec.methods.values())
        self.single = spec.max_inputs == 1 and plain and not spec.single_use
        self.stays = world.chance(world.odds.stay)

    # ---- starting ------------------------------------------------------------------------------------------------

    def begin(self, plan: Any) -> None:
        """Start as planned: None is well, or "defer", "fail", "fatal", "die", "hang"."""
        world, start_s = self.world, self.world.start_s
        if plan == "defer":
            world.agenda.after(0.001, self._defer)
        elif plan in ("fail", "fatal"):
            world.agenda.after(start_s, self._fail, plan == "fatal")
        elif plan == "die":
            world.agenda.after(start_s, self.exit, "killed")
        elif plan == "hang":
            world.agenda.after(0.001, self._say_launched)
        else:
            world.agenda.after(start_s * (0.5 + world.random.random()), self._become_ready)

    def _defer(self) -> None:
        if self.alive:
            self._vanish()
            self.world.post(LaunchDeferred(self.id, "the host is full"))

    def _fail(self, fatal: bool) -> None:
        if self.alive:
            self.world.network.up(self.id, ContainerFailed(self.id, "broken enter", fatal))
            self.exit("exited")

    def _say_launched(self) -> None:
        if self.alive:
            self.world.post(Launched(self.id))

    def _become_ready(self) -> None:
        if self.alive:
            self.ready = True
            self.world.post(Launched(self.id))
            self.world.network.up(self.id, ContainerReady(self.id))

    # ---- inputs ---------------------------------------------------------------------------------------------------

    def receive(self, command: Dispatch, tasks: list[Task]) -> None:
        """Inputs arrive."""
        if not self.alive:
            return
        self.queue += tasks
        assert self.single or self.slots + (1 if command.batch else len(tasks)) <= self.spec.max_inputs, (
            f"more at once in {self.id} than {self.spec.max_inputs}"
        )
        self._start_some()

    def _start_some(self) -> None:
        most = self.spec.max_inputs
        while self.queue and self.alive and self.slots < most:
            batch = self.queue[0].batch
            count = 1
            while batch is not None and count < len(self.queue) and self.queue[count].batch == batch:
                count += 1
            tasks, self.queue[:count] = self.queue[:count], []
            self.slots += 1
            for task in tasks:
                self.running[task.attempt] = task
            for task in tasks:
                self._start(task)
        if self.queue and self.running:
            self.world.agenda.after(PATIENCE_S, self._give_back, next(iter(self.running)))

    def _start(self, task: Task) -> None:
        program, world = task.program, self.world
        world.began(task)
        if program.children:
            world.agenda.after(0.0, self._call, task)
        elif program.items:
            world.agenda.after(program.sleep, self._produce, task)
        else:
            world.agenda.after(program.sleep, self._end, task)

    def _call(self, task: Task) -> None:
        if task.over:
            return
        world, program = self.world, task.program
        task.call = world.new_call(f"nested{task.attempt & 0xFFFF}-")
        task.missing = len(program.children)
        world.nested[task.call] = task
        submitted = CallSubmitted(
            task.call, program.pool, f"container:{self.id}", list(program.children), True, parent=task.attempt
        )
        world.network.up(self.id, submitted, InputWaiting(task.attempt, True))

    def outputs(self, task: Task, count: int) -> None:
        """Results of a nested call have come."""
        task.missing -= count
        if task.missing == 0 and not task.over:
            self.world.agenda.after(0.0, self._go_on, task)

    def _go_on(self, task: Task) -> None:
        if not task.over:
            self.world.network.up(self.id, InputWaiting(task.attempt, False))
            self.world.agenda.after(task.program.sleep, self._end, task)

    def _produce(self, task: Task) -> None:
        if task.over:
            return
        if task.sent >= task.program.items:
            self._end(task)
        elif task.sent >= task.credit:
            task.hungry = True
        else:
            task.sent += 1
            self.world.network.up(self.id, ResultsArrived(self.id, [task.attempt], [ITEM], [task.sent]))
            self.world.agenda.after(task.program.sleep, self._produce, task)

    def grant(self, command: GrantCredit) -> None:
        """The reader takes more."""
        task = self.running.get(command.attempt) or next((t for t in self.queue if t.attempt == command.attempt), None)
        if task is not None:
            task.credit += command.items
            if task.hungry:
                task.hungry = False
                self._produce(task)

    def _end(self, task: Task) -> None:
        program = task.program
        if task.over:
            return
        if task.tries <= program.crash:
            self.exit("killed")
        elif task.cancelled:
            self._answer(task, CANCELLED, None)
        elif task.tries <= program.fail:
            self._answer(task, ERROR, f"error {task.tries}")
        else:
            self._answer(task, GENERATOR_END if program.items else OK, program.value)

    def _answer(self, task: Task, status: int, payload: Any) -> None:
        world, seconds = self.world, task.program.sleep
        task.over = True
        del self.running[task.attempt]
        world.ended_running(task)
        if task.batch is None or all(other.batch != task.batch for other in self.running.values()):
            self.slots -= 1
        if self.queue:
            self._start_some()
        world.network.up(self.id, ResultsArrived(self.id, [task.attempt], [status], [payload], seconds, seconds / 4))
        if self.alive and world.chance(world.odds.crash):
            self.exit(world.random.choice(["killed", "lost", "out_of_memory"]))
        self._leave_if_done()

    def _give_back(self, stuck: int) -> None:
        if stuck in self.running and self.queue and self.single and self.alive:
            given, self.queue = self.queue, []
            self.world.network.up(self.id, InputsReturned(self.id, [task.attempt for task in given]))

    def cancel(self, command: CancelAttempts) -> None:
        """Interrupt or drop attempts; each is answered, unless it is deaf."""
        for attempt in command.attempts:
            task = self.running.get(attempt)
            if task is not None:
                if not task.program.deaf:
                    task.cancelled = True
                    self.world.agenda.after(0.001, self._interrupted, task)
                continue
            for task in self.queue:
                if task.attempt == attempt:
                    self.queue.remove(task)
                    self.world.network.up(self.id, ResultsArrived(self.id, [attempt], [CANCELLED], [None]))
                    break

    def _interrupted(self, task: Task) -> None:
        if not task.over:
            self._answer(task, CANCELLED, None)

    # ---- leaving --------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Finish what runs, then leave."""
        self.stopping = True
        self._leave_if_done()

    def _leave_if_done(self) -> None:
        if self.stopping and not self.stays and not self.running and not self.queue and self.alive:
            self.world.agenda.after(0.001, self.exit, "exited")

    def exit(self, cause: Any, detail: str = "simulated") -> None:
        """It is gone; its supervisor says so."""
        if not self.alive:
            return
        world = self.world
        for task in [*self.running.values(), *self.queue]:
            if world.chance(world.odds.late):  # its result was under way
                late = ResultsArrived(self.id, [task.attempt], [OK], [task.program.value])
                world.agenda.after(0.01 + world.odds.exit_s * world.random.random(), world.post, late)
        self._vanish()
        seen = world.odds.exit_s * world.random.random() if world.odds.exit_s else 0.0
        gone = (ContainerExited(self.id, cause, detail), ClientLeft(f"container:{self.id}"))
        world.agenda.after(seen, world.post, *gone)

    def _vanish(self) -> None:
        self.alive = False
        for task in self.running.values():
            task.over = True
            self.world.ended_running(task)
        for task in self.queue:
            task.over = True
        self.world.vanished(self)
