"""Faults that happen to a running world at times of their own. All are over at `LAST_S`."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

from intermodal.engine.commands import Launch
from intermodal.engine.events import ClientLeft, ContainerExited

from .clients import Clients
from .faults import CALM, Fault
from .world import World

__all__ = ["LAST_S", "inject"]

LAST_S = 6.0
#: A container that was not heard of for so long counts as lost, seconds.
LEASE_S = 1.0
_HOUR = 3600.0


def inject(world: World, clients: Clients, names: list[str], random: Random, faults: frozenset[Fault]) -> None:
    """Write the faults into the world's agenda."""
    times = [random.random() * LAST_S * 0.7 for _ in range(4)]
    if Fault.CRASH in faults:
        for when in times:
            world.after(when, _crash, world, random)
    if Fault.PARTITION in faults:
        for when in times:
            world.after(when, _partition, world, random)
    if Fault.CLIENT_AWAY in faults:
        client = random.choice(names)
        world.after(times[0], clients.go, client)
        away = 1.5 * random.random()
        world.after(times[0] + away, clients.leave if random.random() < 0.3 else clients.come_back, client)
    if Fault.CLOCK in faults:
        for when in times[: random.randint(1, 3)]:
            world.after(when, _jump, world, random.choice([-_HOUR, -_HOUR, -1.0, _HOUR]))
    bad = {name for name in world.specs if random.random() < 0.4}
    world.launch_plan = _Plans(world, random, bad)
    world.after(LAST_S, _calm_down, world)


def _crash(world: World, random: Random) -> None:
    if world.containers:
        box = random.choice(list(world.containers.values()))
        world.timeline.note(world.now, f"{box.id} dies")
        box.exit(random.choice(["killed", "lost", "out_of_memory"]))


def _partition(world: World, random: Random) -> None:
    whole = [box for box in world.containers.values() if box.id not in world.network.cut]
    if not whole:
        return
    box = random.choice(whole)
    world.timeline.note(world.now, f"{box.id} is cut off")
    world.network.partition(box.id)
    length = random.choice([0.3, 0.8, 1.2, 3.0])
    if length > LEASE_S:
        gone = ContainerExited(box.id, "lost", "not heard of within its lease"), ClientLeft(f"container:{box.id}")
        world.after(LEASE_S, world.post, *gone)
    world.after(length, _heal, world, box, length > LEASE_S)


def _heal(world: World, box: Any, lost: bool) -> None:
    world.timeline.note(world.now, f"{box.id} is heard of again")
    world.network.heal(box.id, lost)
    if lost:  # it is told that it is not wanted any more
        box.exit("exited")


def _jump(world: World, by: float) -> None:
    world.timeline.note(world.now, f"the clock jumps by {by:+g} s")
    world.clock_error_s += by


def _calm_down(world: World) -> None:
    """From here on nothing goes wrong any more, but for what programs do; slow kills stay slow."""
    world.timeline.note(world.now, "no more faults")
    kill_s, stay = world.odds.kill_s, world.odds.stay
    world.odds = replace(CALM, kill_s=kill_s, stay=stay)


class _Plans:
    """How starts go: badly in some pools while there are faults. A GPU that a lost container still has is not free."""

    def __init__(self, world: World, random: Random, bad: set[str]) -> None:
        self._world, self._random, self._bad = world, random, bad

    def __call__(self, command: Launch) -> str | None:
        world = self._world
        gpu, gpus = command.gpu, world.limits.totals.gpus
        if gpu is not None and gpus is not None and gpu.kind is not None:
            others = [
                box.gpu for box in world.containers.values() if box.gpu is not None and box.id != command.container
            ]
            used = sum(other.count for other in others if other.kind == gpu.kind)
            if used + gpu.count > gpus[gpu.kind]:
                return "defer"
        if command.pool in self._bad and world.chance(world.odds.start):
            return self._random.choice(["die", "fail", "fatal", "hang", "defer"])
        return None
