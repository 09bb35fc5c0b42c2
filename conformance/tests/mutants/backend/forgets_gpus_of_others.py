"""The allocator knows only of its own leases: two programs on one host get the same devices."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from intermodal.plugins import GpuAllocator, GpuDevice, GpuLease, hookimpl
from intermodal.plugins.gpus import lease_env
from mutants.around import AroundGpus


class Faulty(AroundGpus):
    def __init__(self, inner: GpuAllocator) -> None:
        super().__init__(inner)
        self._leases: list[GpuLease] = []

    async def acquire(self, kind: str | None, count: int) -> GpuLease | None:
        held = {device for lease in self._leases for device in lease.devices}
        there: Sequence[GpuDevice] = await self.inner.inventory()
        devices = tuple([each for each in there if kind in (None, each.kind) and each not in held][:count])
        if len(devices) < count:
            return None
        self._leases.append(GpuLease(devices=devices, env=lease_env(devices)))
        return self._leases[-1]

    async def release(self, lease: GpuLease) -> None:
        self._leases = [each for each in self._leases if each is not lease]


@hookimpl(wrapper=True)
def intermodal_gpus() -> Generator[None, GpuAllocator | None, GpuAllocator | None]:
    inner = yield
    return Faulty(inner) if inner is not None else None
