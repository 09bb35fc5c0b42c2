"""The accelerators of an engine's machine."""

from __future__ import annotations

from intermodal.plugins import Config, GpuDevice, GpuLease
from intermodal.plugins.gpus import LockedGpus, declared_gpus, host_gpus
from intermodal_docker.engine import Engine

__all__ = ["allocator", "devices", "requested_devices"]


def devices(config: Config, engine: Engine) -> tuple[GpuDevice, ...]:
    """Those that are declared, or else those that NVML finds here, where here is where the engine is. May block.

    Raises `ConfigError`.
    """
    option = f"{engine.name}.gpus"
    if not engine.remote:
        return host_gpus(config, option)
    return declared_gpus(config.get(option) or (), config.origin(option))


def allocator(config: Config, engine: Engine) -> LockedGpus:
    """Hands them out, to all sessions of this data directory."""
    return LockedGpus(devices(config, engine), config.data_dir / "locks" / "gpus")


def requested_devices(gpus: GpuLease | None) -> list[str]:
    """What to ask the engine for: the UUIDs of those that are real. Declared ones are named in the environment only."""
    return [device.uuid for device in gpus.devices if device.uuid] if gpus else []
