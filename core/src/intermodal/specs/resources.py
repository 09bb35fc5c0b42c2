"""What a container asks for: cpu, memory, accelerators."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["GpuChoice", "GpuRequest", "ResourceTotals", "Resources", "StepResources"]


#: Requests that more than one kind of device serves, best fit first. "H100!" is that kind and no better one.
_SERVED_BY = {
    "A10": ("A10", "A10G"),
    "A10G": ("A10G", "A10"),
    "A100": ("A100", "A100-40GB", "A100-80GB"),
    "B200+": ("B200", "B300"),
    "H100": ("H100", "H200"),
}


@dataclass(frozen=True, slots=True)
class GpuChoice:
    """`count` devices of one kind (gpu.request).

    `kind`: canonical upper-case name, such as "H100", "A100-80GB", "H100!" or "B200+"; None means any.
    """

    kind: str | None
    count: int = 1

    def kinds(self, there: Iterable[str]) -> list[str]:
        """The kinds of devices among `there` that serve this, the one to take first at the front."""
        if self.kind is None:
            return list(there)
        serving = _SERVED_BY.get(self.kind, (self.kind.rstrip("!+"),))
        present = set(there)
        return [kind for kind in serving if kind in present]

    def __str__(self) -> str:
        name = self.kind or "any"
        return f"{name}:{self.count}" if self.count != 1 else name


@dataclass(frozen=True, slots=True)
class GpuRequest:
    """Choices in order of preference (gpu.request)."""

    choices: tuple[GpuChoice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """A container's request. cpu in cores, memory in MiB; a limit of None means: not limited beyond the machine."""

    cpu: float = 0.125
    cpu_limit: float | None = None
    memory: int = 128
    memory_limit: int | None = None
    gpu: GpuRequest | None = None

    def __post_init__(self) -> None:
        for number in (self.cpu, self.cpu_limit, self.memory, self.memory_limit):
            if number is not None and not 0 <= number < math.inf:
                raise ValueError(f"{number!r:.60} is no amount of cpu or memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResources:
    """What one step of an image asks for (image.resources): devices for as long as it runs, and how many cores and MiB
    of memory it may use at most; None: as many as there are."""

    gpu: GpuRequest | None = None
    cpu: float | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceTotals:
    """What a backend has in all: cpu in cores, memory in MiB, devices by kind. None means: not known, never refuse."""

    cpu: float | None = None
    memory: int | None = None
    gpus: dict[str, int] | None = None
