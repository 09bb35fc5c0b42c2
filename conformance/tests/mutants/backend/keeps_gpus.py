"""The allocator keeps a hand on what it gave away: devices are never free again, whatever way their container ended."""

from __future__ import annotations

import os
from collections.abc import Generator

from intermodal.plugins import GpuAllocator, GpuLease, hookimpl
from mutants.around import AroundGpus


class Faulty(AroundGpus):
    async def acquire(self, kind: str | None, count: int) -> GpuLease | None:
        lease = await self.inner.acquire(kind, count)
        for fd in lease.fds if lease is not None else ():
            os.dup(fd)
        return lease


@hookimpl(wrapper=True)
def intermodal_gpus() -> Generator[None, GpuAllocator | None, GpuAllocator | None]:
    inner = yield
    return Faulty(inner) if inner is not None else None
