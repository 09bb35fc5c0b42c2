"""Limits that an engine takes, from those that were asked for."""

from __future__ import annotations

from intermodal.exception import CapabilityNotSupported
from intermodal_docker.engine import EngineInfo

__all__ = ["NO_LIMITS", "engine_cpus", "engine_memory"]

NO_LIMITS = (
    "the engine cannot limit that: one that is not root's needs cgroup v2, with these controllers delegated to its user"
)
_LEAST_CPUS = 0.01
_LEAST_MEMORY = 6  # MiB


def engine_cpus(cores: float | None, info: EngineInfo, capability: str = "limits.cpu") -> float | None:
    """Engines take neither less than a hundredth of a core, nor more than their machine has.

    Raises `CapabilityNotSupported`: this one would ignore it.
    """
    if cores is None:
        return None
    _check("cpu", info, capability)
    return min(max(cores, _LEAST_CPUS), info.cpus)


def engine_memory(memory: int | None, info: EngineInfo, capability: str = "limits.memory") -> int | None:
    """MiB. Engines refuse a limit below which nothing starts.

    Raises `CapabilityNotSupported`: this one would ignore it.
    """
    if memory is None:
        return None
    _check("memory", info, capability)
    return max(memory, _LEAST_MEMORY)


def _check(kind: str, info: EngineInfo, capability: str) -> None:
    if kind not in info.limits:
        raise CapabilityNotSupported(capability, hint=NO_LIMITS)
