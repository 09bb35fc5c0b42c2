"""Limits that an engine takes, from those that were asked for."""

from __future__ import annotations

from intermodal_docker.engine import EngineInfo

__all__ = ["engine_cpus", "engine_memory"]

_LEAST_CPUS = 0.01
_LEAST_MEMORY = 6  # MiB


def engine_cpus(cores: float, info: EngineInfo) -> float:
    """Engines take neither less than a hundredth of a core, nor more than their machine has."""
    return min(max(cores, _LEAST_CPUS), info.cpus)


def engine_memory(memory: int) -> int:
    """MiB. Engines refuse a limit below which nothing starts."""
    return max(memory, _LEAST_MEMORY)
