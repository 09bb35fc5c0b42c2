"""Between the containers and the control plane: order, delay, duplicates, partitions.

A container's stream keeps its order; its end is seen by its supervisor, which is another way, so that the last results
may come before or after it. While a container is cut off, both ends keep what they send and send it when it heals.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from intermodal.engine.events import Event, ResultsArrived
from intermodal.specs.status import ITEM

if TYPE_CHECKING:
    from .world import World

__all__ = ["Network"]


class Network:
    """All links of a world. `cut` has what is kept for each container that is cut off."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._arrival: dict[str, float] = {}  # when the last message of each container arrives
        self.cut: dict[str, list[tuple[Callable[..., Any], tuple[Any, ...]]]] = {}

    def up(self, container: str, *events: Event) -> None:
        """A container says something to the control plane."""
        kept = self.cut.get(container)
        if kept is not None:
            kept.append((self.up, (container, *events)))
            return
        world, odds = self._world, self._world.odds
        chance = world.random.random
        for event in events:
            delay = odds.up_s * chance() if odds.up_s else 0.0
            if isinstance(event, ResultsArrived) and event.statuses[0] != ITEM:
                if odds.duplicate and chance() < odds.duplicate:
                    world.agenda.after(delay + 0.05 * chance(), world.post, event)
                if odds.reorder and chance() < odds.reorder:
                    world.agenda.after(delay, world.post, event)
                    continue
            if not odds.up_s:
                world.post(event)
                continue
            arrival = max(world.now + delay, self._arrival.get(container, 0.0))
            self._arrival[container] = arrival
            world.agenda.after(arrival - world.now, world.post, event)

    def down(self, container: str, action: Callable[..., Any], *args: Any) -> None:
        """The control plane says something to a container."""
        kept = self.cut.get(container)
        if kept is None:
            action(*args)
        else:
            kept.append((action, args))

    def partition(self, container: str) -> None:
        """Cut a container off."""
        self.cut.setdefault(container, [])

    def heal(self, container: str, lost: bool) -> None:
        """The two ends talk again. What was for a container that counts as lost is not sent any more."""
        for action, args in self.cut.pop(container, ()):
            if not lost or action == self.up:
                action(*args)

    def forget(self, container: str) -> None:
        """It is gone: what was kept for it is lost."""
        self.cut.pop(container, None)
        self._arrival.pop(container, None)
