"""The allocator does not remember what it gave away: all containers get the first devices."""

from __future__ import annotations

from collections.abc import Generator

from intermodal.plugins import GpuAllocator, GpuLease, hookimpl
from intermodal.plugins.gpus import lease_env
from mutants.around import AroundGpus


class Faulty(AroundGpus):
    async def acquire(self, kind: str | None, count: int) -> GpuLease | None:
        there = [device for device in await self.inner.inventory() if kind in (None, device.kind)]
        devices = tuple(there[:count])
        return GpuLease(devices=devices, env=lease_env(devices)) if len(devices) == count else None

    async def release(self, lease: GpuLease) -> None:
        pass


@hookimpl(wrapper=True)
def intermodal_gpus() -> Generator[None, GpuAllocator | None, GpuAllocator | None]:
    inner = yield
    return Faulty(inner) if inner is not None else None
