"""The GPUs of the server's machine, and what has them."""

from __future__ import annotations

from dataclasses import dataclass

from intermodal.dashboard.pages import Ask, Page, Shown
from intermodal.exception import CapabilityNotSupported
from intermodal.plugins import GpuDevice

__all__ = ["PAGE"]


@dataclass(frozen=True, slots=True)
class _Kind:
    name: str
    devices: tuple[GpuDevice, ...]


async def _show(ask: Ask) -> Shown:
    try:
        devices, holders = await ask.overview.hosting.gpus()
    except CapabilityNotSupported:
        devices, holders = (), ()
    kinds = [
        _Kind(name, tuple(device for device in devices if device.kind == name))
        for name in dict.fromkeys(device.kind for device in devices)
    ]
    with_gpu = [each for each in ask.overview.activity.containers(ask.environment) if each[1].gpu is not None]
    return {"kinds": kinds, "devices": devices, "holders": holders, "containers": with_gpu[:100]}


PAGE = Page("gpus", "gpus.html", _show, title="GPUs", icon="gpu", every_s=10.0)
