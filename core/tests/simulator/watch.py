"""Nothing goes on running that nobody waits for (conc.cancel, fault 18)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from intermodal.specs.status import ITEM

if TYPE_CHECKING:
    from .container import Task
    from .world import World

__all__ = ["Watch"]

#: How much longer than its grace period an input may run on, beside what its container takes to die, seconds.
_SLACK_S = 5.0


class Watch:
    """Knows which inputs run where."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._running: dict[tuple[str, int], list[Task]] = {}

    def began(self, task: Task) -> None:
        """It runs."""
        self._running.setdefault((task.owner, task.index), []).append(task)

    def ended(self, task: Task) -> None:
        """It does not any more."""
        tasks = self._running[task.owner, task.index]
        tasks.remove(task)
        if not tasks:
            del self._running[task.owner, task.index]

    def expect_end(self, call: str, entries: list[tuple[int, int, Any]]) -> None:
        """These inputs have their results: who still runs for one must be gone after the grace period."""
        odds = self._world.odds
        for index, status, _ in entries:
            if status != ITEM:
                for task in self._running.get((call, index), ()):
                    wait = task.box.spec.grace_s + odds.kill_s + odds.exit_s + _SLACK_S
                    self._world.after(wait, self._check_over, task, call, wait)

    def _check_over(self, task: Task, call: str, wait: float) -> None:
        world = self._world
        if task.box.id in world.network.cut:  # it cannot hear; it will when it is back, or counts as lost
            world.after(wait, self._check_over, task, call, wait)
            return
        assert task.over or task.box.id not in world.limits, (
            f"input {task.index} of {call} still runs in {task.box.id}, and nobody waits for it"
        )
