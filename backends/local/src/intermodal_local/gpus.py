"""The accelerators of this host: declared in configuration, or found through NVML."""

from __future__ import annotations

import contextlib
import glob
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from intermodal.plugins import Config, GpuDevice, GpuLease
from intermodal.plugins.gpus import LockedGpus, declared_gpus

__all__ = ["allocator", "counts", "device_nodes", "found", "inventory", "kind_of"]

_SHARED_NODES = ("nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-modeset")
_NOISE = (
    "NVIDIA", "TESLA", "GEFORCE", "QUADRO", "HBM2", "HBM2E", "HBM3", "HBM3E", "PCIE", "SXM", "NVL", "GENERATION",
    "BLACKWELL", "SERVER", "WORKSTATION", "MAX", "Q", "EDITION",
)  # fmt: skip
_SIZE = re.compile(r"SXM\d|\d+GB?")
_MIB_PER_GB = 1000**3 / (1 << 20)


def inventory(config: Config) -> tuple[GpuDevice, ...]:
    """The devices that containers can get. Declared ones win over found ones. Raises `ConfigError`."""
    declared = config.get("local.gpus")
    if declared:
        return declared_gpus(declared, config.origin("local.gpus"))
    return found() if os.path.exists("/proc/driver/nvidia") else ()


def allocator(config: Config) -> LockedGpus:
    """The allocator of this host's devices, shared with all engines that use the same data directory."""
    return LockedGpus(inventory(config), Path(config.data_dir) / "locks" / "gpus")


def device_nodes(lease: GpuLease | None) -> list[str]:
    """The device files that the devices of `lease` need inside a container; none for declared devices."""
    uuids = {device.uuid for device in lease.devices if device.uuid} if lease else set()
    if not uuids:
        return []
    own = [f"/dev/nvidia{minor}" for uuid, minor in _minors().items() if uuid in uuids]
    shared = [f"/dev/{name}" for name in _SHARED_NODES] + sorted(glob.glob("/dev/nvidia-caps/*"))
    return [path for path in own + shared if os.path.exists(path)]


def kind_of(name: str, memory: int) -> str:
    """The kind of a device from NVML's name for it and its memory in MiB: "NVIDIA A100-SXM4-80GB" is an "A100-80GB"."""
    words = re.split(r"[\s-]+", name.upper())
    kept = [word for word in words if word not in _NOISE and not _SIZE.fullmatch(word)]
    if len(kept) == 2 and kept[0] == "RTX" and kept[1].startswith("A"):
        del kept[0]  # "NVIDIA RTX A6000" is an A6000
    kind = "-".join(kept) or name.upper()
    if kind == "A100":
        return "A100-80GB" if memory > 60 * _MIB_PER_GB else "A100-40GB"
    return kind


def _minors() -> dict[str, str]:
    minors: dict[str, str] = {}
    for path in glob.glob("/proc/driver/nvidia/gpus/*/information"):
        fields = dict(line.split(":", 1) for line in Path(path).read_text().splitlines() if ":" in line)
        minors[fields.get("GPU UUID", "").strip()] = fields.get("Device Minor", "").strip()
    return minors


def found() -> tuple[GpuDevice, ...]:
    """The devices that NVML tells of. Left out: one that does not answer (fallen off the bus), one cut up (MIG)."""
    import pynvml as nvml

    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return ()
    devices = []
    try:
        for index in range(nvml.nvmlDeviceGetCount()):
            with contextlib.suppress(nvml.NVMLError):
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                if not _is_cut_up(handle):
                    devices.append(_device(index, handle))
    except nvml.NVMLError:
        return ()
    finally:
        nvml.nvmlShutdown()
    return tuple(devices)


def _is_cut_up(handle: Any) -> bool:
    """CUDA takes no device in MIG mode as a whole."""
    import pynvml as nvml

    try:
        return bool(nvml.nvmlDeviceGetMigMode(handle)[0] == nvml.NVML_DEVICE_MIG_ENABLE)
    except nvml.NVMLError:  # most devices know no such mode
        return False


def _device(index: int, handle: Any) -> GpuDevice:
    import pynvml as nvml

    memory = int(nvml.nvmlDeviceGetMemoryInfo(handle).total) >> 20
    name, uuid = nvml.nvmlDeviceGetName(handle), nvml.nvmlDeviceGetUUID(handle)
    return GpuDevice(kind=kind_of(str(name), memory), index=index, uuid=str(uuid), memory=memory)


def counts(devices: Sequence[GpuDevice]) -> dict[str, int]:
    """How many devices of each kind."""
    kinds = [device.kind for device in devices]
    return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
