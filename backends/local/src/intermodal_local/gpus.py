"""The device files of accelerators."""

from __future__ import annotations

import glob
import os
from pathlib import Path

from intermodal.plugins import GpuLease

__all__ = ["device_nodes"]

_SHARED_NODES = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")


def device_nodes(lease: GpuLease | None) -> list[str]:
    """The device files that the devices of `lease` need inside a container; none for declared devices."""
    uuids = {device.uuid for device in lease.devices if device.uuid} if lease else set()
    if not uuids:
        return []
    own = [f"/dev/nvidia{minor}" for uuid, minor in _minors().items() if uuid in uuids]
    shared = [f"/dev/{name}" for name in _SHARED_NODES] + sorted(glob.glob("/dev/nvidia-caps/*"))
    return [path for path in own + shared if os.path.exists(path)]


def _minors() -> dict[str, str]:
    minors: dict[str, str] = {}
    for path in glob.glob("/proc/driver/nvidia/gpus/*/information"):
        fields = dict(line.split(":", 1) for line in Path(path).read_text().splitlines() if ":" in line)
        minors[fields.get("GPU UUID", "").strip()] = fields.get("Device Minor", "").strip()
    return minors
