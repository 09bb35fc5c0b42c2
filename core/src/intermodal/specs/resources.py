"""What a container asks for: cpu, memory, accelerators."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GpuChoice", "GpuRequest", "ResourceTotals", "Resources"]


@dataclass(frozen=True, slots=True)
class GpuChoice:
    """`count` devices of one `kind` (canonical upper-case name); `kind` None means any (gpu.request)."""

    kind: str | None
    count: int = 1

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceTotals:
    """What a backend has in all: cpu in cores, memory in MiB, devices by kind. None means: not known, never refuse."""

    cpu: float | None = None
    memory: int | None = None
    gpus: dict[str, int] | None = None
