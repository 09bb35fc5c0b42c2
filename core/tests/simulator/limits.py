"""What the engine has given out against what there is (scale.limits, scale.resources, gpu.request)."""

from __future__ import annotations

from dataclasses import dataclass

from intermodal.engine.commands import Launch
from intermodal.engine.events import PoolSpec
from intermodal.specs import ResourceTotals

__all__ = ["Limits"]


@dataclass(slots=True)
class _Held:
    pool: str
    spec: PoolSpec
    gpu: tuple[str, int] | None
    parked: bool = False


class Limits:
    """Sums over the containers that the engine has asked for and whose end it has not heard of.

    cpu is in thousandths of a core. Each sum is checked when it grows: a limit that shrinks takes nothing away.
    """

    def __init__(self, totals: ResourceTotals) -> None:
        self.totals = totals
        self.specs: dict[str, PoolSpec] = {}
        self.cpu = 0
        self.memory = 0
        self.gpus: dict[str, int] = {}
        self.unparked: dict[str, int] = {}
        self._held: dict[str, _Held] = {}

    def __contains__(self, container: str) -> bool:
        return container in self._held

    def __len__(self) -> int:
        return len(self._held)

    def take(self, command: Launch) -> None:
        """A container was asked for."""
        assert command.container not in self._held, f"{command.container} was launched twice"
        spec, gpu = self.specs[command.pool], None
        if command.gpu is not None and command.gpu.kind is not None:
            gpu = command.gpu.kind, command.gpu.count
        self._held[command.container] = held = _Held(command.pool, spec, gpu)
        self.memory += spec.resources.memory
        self._run(held, 1)
        totals = self.totals
        assert totals.memory is None or self.memory <= totals.memory, f"{self.memory} MiB held"
        if gpu is not None:
            kind, count = gpu
            self.gpus[kind] = self.gpus.get(kind, 0) + count
            assert totals.gpus is None or self.gpus[kind] <= totals.gpus.get(kind, 0), f"{self.gpus} GPUs held"

    def park(self, container: str, parked: bool, *, of_itself: bool = False) -> None:
        """Its cpu is free, or needed again. `of_itself`: it goes on late, after outputs that it got earlier."""
        held = self._held.get(container)
        if held is None:  # its end was heard in the same turn
            return
        assert held.parked != parked, f"{container} is {'' if parked else 'un'}parked twice"
        held.parked = parked
        self._run(held, -1 if parked else 1, checked=not of_itself)

    def parked(self, container: str) -> bool:
        """Whether the container is parked."""
        return self._held[container].parked

    def give(self, container: str) -> None:
        """The engine has heard of the container's end."""
        held = self._held.pop(container, None)
        if held is None:
            return
        self.memory -= held.spec.resources.memory
        if held.gpu is not None:
            self.gpus[held.gpu[0]] -= held.gpu[1]
        if not held.parked:
            self._run(held, -1)

    def _run(self, held: _Held, sign: int, *, checked: bool = True) -> None:
        self.cpu += sign * round(held.spec.resources.cpu * 1000)
        self.unparked[held.pool] = count = self.unparked.get(held.pool, 0) + sign
        if sign > 0 and checked:
            cpu, most = self.totals.cpu, self.specs[held.pool].scaling.max_containers
            assert cpu is None or self.cpu <= round(cpu * 1000), f"{self.cpu / 1000:g} cores held"
            assert most is None or count <= most, f"{count} unparked containers in {held.pool}, at most {most}"
