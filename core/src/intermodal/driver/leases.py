"""GPUs that a session takes for what it starts, until that holds them itself."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from intermodal.driver.unclaimed import discard, to_the_end
from intermodal.plugins.roles import Container, GpuAllocator, GpuLease, LaunchBusy, TellingGpus
from intermodal.specs import GpuChoice, GpuRequest

__all__ = ["GpusBusy", "Leases"]


class GpusBusy(LaunchBusy):
    """The host lacks GPUs now."""


class Leases:
    """Asks the backend's allocator, where it has one."""

    def __init__(self, allocator: GpuAllocator | None) -> None:
        self._allocator = allocator

    async def take(self, choice: GpuChoice) -> GpuLease:
        """What the engine has room for. Raises `GpusBusy`."""
        if self._allocator is None:
            raise GpusBusy("this backend has no GPUs")
        lease = await self._allocator.acquire(choice.kind, choice.count)
        if lease is None:
            raise GpusBusy(f"GPUs {choice} are in use by another engine of this host, or by the build of an image")
        return lease

    async def first_free(self, request: GpuRequest) -> GpuLease | None:
        """The first choice that is free now; None where none is."""
        if self._allocator is not None:
            for choice in request.choices:
                lease = await self._allocator.acquire(choice.kind, choice.count)
                if lease is not None:
                    return lease
        return None

    async def at_once(self, request: GpuRequest | None) -> GpuLease | None:
        """The first choice that is free now; None where nothing was asked for. Raises `GpusBusy`."""
        if request is None:
            return None
        lease = await self.first_free(request)
        if lease is None:
            wanted = ", ".join(str(choice) for choice in request.choices)
            raise GpusBusy(f"none of the GPUs {wanted} is free: try again later, or use a function without gpu=")
        return lease

    async def give_back(self, lease: GpuLease) -> None:
        """What nobody needs any more."""
        assert self._allocator is not None
        await self._allocator.release(lease)

    async def others(self) -> Sequence[str]:
        """Other processes that hold devices, for people, where the backend knows."""
        return await self._allocator.holders() if isinstance(self._allocator, TellingGpus) else ()

    async def handed_to(self, launch: Coroutine[Any, Any, Container], lease: GpuLease | None) -> Container:
        """What `launch` gives, which holds `lease` itself from then on.

        Where it raises, or the wait is cancelled at any moment, the GPUs are free and no container is left.
        """
        if lease is None:
            return await launch
        try:
            container = await launch
        except BaseException:
            await to_the_end(self.give_back(lease))
            raise
        release = asyncio.ensure_future(self.give_back(lease))
        try:
            await asyncio.shield(release)
        except BaseException:
            await discard(container, release)  # nobody else knows of it yet
            raise
        return container
