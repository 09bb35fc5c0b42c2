"""A simulated world whose engine is timed, and whose containers are watched."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from simulator import World
from simulator.container import Container, Task

from intermodal.engine import Engine
from intermodal.engine.commands import Command
from intermodal.engine.events import Event

__all__ = ["MeteredWorld", "TimedEngine"]


class TimedEngine(Engine):
    """Counts events, a timer that comes due for one, and the seconds of cpu that they take: no other load counts."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.spent = 0.0
        self.events = 0

    def receive(self, events: Iterable[Event], now: float) -> list[Command]:
        """As the engine, timed."""
        events = list(events)
        self.events += len(events) or 1
        started = time.thread_time()
        commands = super().receive(events, now)
        self.spent += time.thread_time() - started
        return commands

    def lap(self) -> tuple[float, int]:
        """Seconds and events since the last lap."""
        lap = self.spent, self.events
        self.spent, self.events = 0.0, 0
        return lap


class MeteredWorld(World):
    """Keeps busy and idle container-seconds, and when each call's inputs ran."""

    def __init__(self, **options: Any) -> None:
        self.timed = TimedEngine()
        self.busy_s = 0.0
        self.ready_s = 0.0
        self.starts = 0
        self.began_at: dict[str, list[float]] = {}
        self._since: dict[str, float] = {}
        super().__init__(self.timed, record=False, **options)

    def began(self, task: Task) -> None:
        """An input runs."""
        self.began_at.setdefault(task.owner, []).append(self.now)
        if len(task.box.running) == 1 or task.box.id not in self._since:
            self._since[task.box.id] = self.now

    def ended_running(self, task: Task) -> None:
        """It does not any more."""
        if not task.box.running:
            self.busy_s += self.now - self._since.pop(task.box.id)

    def vanished(self, box: Container) -> None:
        """A container is no more: the time that it was there counts."""
        super().vanished(box)
        self.starts += 1
        self.ready_s += self.now - box.launched_at

    @property
    def idle_s(self) -> float:
        """Container-seconds, from launch to end, in which nothing ran. Ask when all containers have left."""
        return self.ready_s - self.busy_s
