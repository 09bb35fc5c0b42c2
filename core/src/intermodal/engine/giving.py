"""Idle containers give way to whoever was refused for lack of room on the host, in this engine or another one
(scale.resources)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from heapq import merge
from itertools import islice

from intermodal.engine.commands import AskForRoom
from intermodal.engine.core import Core
from intermodal.engine.events import RoomWanted
from intermodal.engine.lifecycle import stop
from intermodal.engine.model import Container, Life, Pool
from intermodal.engine.resources import Hold
from intermodal.specs import GpuChoice, GpuRequest, Resources

__all__ = ["NOTHING", "find_room", "left_over", "room_wanted", "to_spare"]

#: No room at all.
NOTHING = Resources(cpu=0.0, memory=0)


def find_room(core: Core, wanted: Resources, pool: Pool | None = None) -> None:
    """The host has refused `wanted`, for a container of `pool`: what is idle here gives way, and the others of the host
    are asked for the rest."""
    given, lacking = _offer(core, wanted, pool)
    for container in given:
        stop(core, container)
    if lacking != NOTHING:
        core.emit(AskForRoom(lacking))


def room_wanted(core: Core, event: RoomWanted) -> None:
    """Somebody else on the host was refused."""
    for container in _offer(core, event.resources, None)[0]:
        stop(core, container)


def left_over(core: Core, wanted: Resources) -> Resources:
    """What of `wanted` would still be lacking if `room_wanted` came now."""
    return _offer(core, wanted, None)[1]


def to_spare(pool: Pool) -> Iterator[Container]:
    """Idle containers that the pool can do without, those that have been idle longest first: never one of
    `min_containers`, nor the buffer of a pool that is at work."""
    if pool.waiting:
        return iter(())
    scaling = pool.spec.scaling
    buffer = scaling.buffer_containers if pool.busy else 0
    many = min(pool.supply - scaling.min_containers, len(pool.idle) - buffer)
    return merge(pool.benched.values(), islice(pool.idle.values(), max(0, many)), key=_age)


def _offer(core: Core, wanted: Resources, but: Pool | None) -> tuple[list[Container], Resources]:
    """Idle containers whose end makes room, and what is lacking beyond these and those that are leaving anyway."""
    need = _Need(wanted, core)
    for container in core.containers.values():
        if container.life >= Life.STOPPING:
            need.meet(container.hold)
    given = []
    for container in merge(*(to_spare(pool) for pool in core.pools.values() if pool is not but), key=_age):
        if need.helped_by(container.hold):
            need.meet(container.hold)
            given.append(container)
    return given, need.left()


def _age(container: Container) -> float:
    return container.idle_since


class _Need:
    """What is still to be found of a request. Of its GPUs, the first choice that somebody here holds is looked for."""

    def __init__(self, wanted: Resources, core: Core) -> None:
        self._gpu = wanted.gpu
        self._cpu = round(wanted.cpu * 1000)
        self._memory = wanted.memory
        self._kinds: list[str] = []
        self._devices = 0
        held = {hold.gpu.kind for hold in (each.hold for each in core.containers.values()) if hold.gpu is not None}
        for choice in wanted.gpu.choices if wanted.gpu is not None else ():
            self._kinds = choice.kinds(kind for kind in held if kind is not None)
            if self._kinds:
                self._devices = choice.count
                break

    def helped_by(self, hold: Hold) -> bool:
        """Whether its end brings some of what is lacking."""
        cpu = not hold.parked and hold.cpu > 0 and self._cpu > 0
        return cpu or (hold.memory > 0 and self._memory > 0) or self._helps_with_gpus(hold)

    def meet(self, hold: Hold) -> None:
        """It ends."""
        if self._helps_with_gpus(hold):
            assert hold.gpu is not None
            self._devices -= hold.gpu.count
        if not hold.parked:
            self._cpu -= hold.cpu
        self._memory -= hold.memory

    def left(self) -> Resources:
        """What is lacking still."""
        gpu = self._gpu
        if self._kinds:
            gpu = GpuRequest((GpuChoice(self._kinds[0], self._devices),)) if self._devices > 0 else None
        return replace(NOTHING, cpu=max(0, self._cpu) / 1000, memory=max(0, self._memory), gpu=gpu)

    def _helps_with_gpus(self, hold: Hold) -> bool:
        return self._devices > 0 and hold.gpu is not None and hold.gpu.kind in self._kinds
