"""The ledger of cpu, memory and GPUs: what is held, what fits now, what can never fit (scale.resources,
gpu.request)."""

from __future__ import annotations

from collections.abc import Iterable

from intermodal.specs import GpuChoice, Resources, ResourceTotals

__all__ = ["Hold", "Ledger"]


class Hold:
    """What one container holds. cpu in thousandths of a core (whole numbers: sums of floats drift), memory in MiB."""

    __slots__ = ("cpu", "gpu", "memory", "parked")

    def __init__(self, resources: Resources, gpu: GpuChoice | None) -> None:
        self.cpu = round(resources.cpu * 1000)
        self.memory = resources.memory
        self.gpu = gpu
        self.parked = False


class Ledger:
    """Sums over all containers against the totals that the backend reported. A total that is not known never
    refuses."""

    def __init__(self) -> None:
        self.totals = ResourceTotals()
        self.cpu = 0
        self.memory = 0
        self.gpus: dict[str, int] = {}

    def take(self, hold: Hold) -> None:
        """Count a new container."""
        self.cpu += hold.cpu
        self.memory += hold.memory
        self._gpu(hold, 1)

    def give(self, hold: Hold) -> None:
        """A container is gone."""
        if not hold.parked:
            self.cpu -= hold.cpu
        self.memory -= hold.memory
        self._gpu(hold, -1)

    def park(self, hold: Hold, parked: bool) -> None:
        """A parked container gives its cpu back, not its memory nor its GPUs (call.nested)."""
        hold.parked = parked
        self.cpu += -hold.cpu if parked else hold.cpu

    def never(self, resources: Resources) -> str | None:
        """Why this can never fit, with what there is; None where it can."""
        totals = self.totals
        if totals.cpu is not None and resources.cpu > totals.cpu:
            return f"it asks for {resources.cpu:g} cpu cores and there are {totals.cpu:g} in all; ask for less"
        if totals.memory is not None and resources.memory > totals.memory:
            return (
                f"it asks for {resources.memory} MiB of memory and there are {totals.memory} MiB in all; ask for less"
            )
        if resources.gpu is not None and totals.gpus is not None and not any(map(self.possible, resources.gpu.choices)):
            asked = ", ".join(str(choice) for choice in resources.gpu.choices)
            there = ", ".join(f"{kind}:{count}" for kind, count in sorted(totals.gpus.items()) if count) or "none"
            return f"it asks for GPU {asked} and the GPUs here are: {there}"
        return None

    def possible(self, choice: GpuChoice) -> bool:
        """Whether the choice fits when nothing else runs."""
        return self.totals.gpus is None or bool(self.spelt(choice))

    def spelt(self, choice: GpuChoice) -> list[GpuChoice]:
        """The choice by kind of device: each kind that serves it and that there is enough of, in order."""
        gpus = self.totals.gpus
        if gpus is None:
            return [choice]
        return [GpuChoice(kind, choice.count) for kind in choice.kinds(gpus) if gpus[kind] >= choice.count]

    def lacks(self, resources: Resources) -> str | None:
        """What there is not enough of just now, GPUs aside; None where it fits."""
        if not self.has_cpu(round(resources.cpu * 1000)):
            return f"{resources.cpu:g} cpu"
        if not self.has_memory(resources.memory):
            return f"{resources.memory} MiB of memory"
        return None

    def has_cpu(self, cpu: int) -> bool:
        """Whether `cpu` thousandths of a core are free."""
        return self.totals.cpu is None or self.cpu + cpu <= round(self.totals.cpu * 1000)

    def has_memory(self, memory: int) -> bool:
        """Whether `memory` MiB are free."""
        return self.totals.memory is None or self.memory + memory <= self.totals.memory

    def has_gpu(self, choice: GpuChoice) -> bool:
        """Whether the devices are free as far as this engine knows."""
        if self.totals.gpus is None or choice.kind is None:
            return True
        return self.gpus.get(choice.kind, 0) + choice.count <= self.totals.gpus.get(choice.kind, 0)

    def beside(self, resources: Resources, holds: Iterable[Hold]) -> bool:
        """Whether this fits if only `holds` stay, parked."""
        rest = Ledger()
        rest.totals = self.totals
        for hold in holds:
            rest.memory += hold.memory
            rest._gpu(hold, 1)
        if rest.lacks(resources) is not None:
            return False
        return resources.gpu is None or any(
            rest.has_gpu(spelt) for choice in resources.gpu.choices for spelt in rest.spelt(choice)
        )

    def _gpu(self, hold: Hold, sign: int) -> None:
        if hold.gpu is not None and hold.gpu.kind is not None:
            self.gpus[hold.gpu.kind] = self.gpus.get(hold.gpu.kind, 0) + sign * hold.gpu.count
