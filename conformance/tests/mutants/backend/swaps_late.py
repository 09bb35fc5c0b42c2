"""Storage compares a reference and swaps it in two steps: two callers may both win."""

from __future__ import annotations

import asyncio
from collections.abc import Generator

from intermodal.plugins import Storage, hookimpl
from mutants.around import AroundStorage


class Faulty(AroundStorage):
    async def swap_ref(self, name: str, expected: str | None, value: str | None) -> bool:
        if await self.inner.read_ref(name) != expected:
            return False
        await asyncio.sleep(0.01)
        while not await self.inner.swap_ref(name, await self.inner.read_ref(name), value):
            pass
        return True


@hookimpl(wrapper=True)
def intermodal_storage() -> Generator[None, Storage, Storage]:
    return Faulty((yield))
