"""Accelerators of NVIDIA on this machine, as NVML tells of them."""

from __future__ import annotations

import contextlib
import re
from typing import Any

from intermodal.plugins.roles import GpuDevice

__all__ = ["found_gpus", "kind_of"]

_NOISE = (
    "NVIDIA", "TESLA", "GEFORCE", "QUADRO", "HBM2", "HBM2E", "HBM3", "HBM3E", "PCIE", "SXM", "NVL", "GENERATION",
    "BLACKWELL", "SERVER", "WORKSTATION", "MAX", "Q", "EDITION",
)  # fmt: skip
_SIZE = re.compile(r"SXM\d|\d+GB?")
_MIB_PER_GB = 1000**3 / (1 << 20)


def found_gpus() -> tuple[GpuDevice, ...]:
    """The devices that NVML tells of; none without a driver or the package `nvidia-ml-py`.

    Left out: one that does not answer (fallen off the bus), one cut up (MIG).
    """
    try:
        import pynvml as nvml
    except ImportError:
        return ()
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
