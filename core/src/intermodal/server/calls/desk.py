"""What people do with calls: look at them, end them, run once more what has failed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from intermodal.exception import NotFoundError
from intermodal.server.calls.listing import CallInput, CallListing
from intermodal.server.calls.resuming import Resumption
from intermodal.server.calls.rows import Call
from intermodal.server.calls.service import Calls

if TYPE_CHECKING:
    from intermodal.server.deployments import Deployments

__all__ = ["CallDesk"]


class CallDesk:
    """On the server's loop."""

    def __init__(self, calls: Calls, deployments: Deployments) -> None:
        self._calls = calls
        self._deployments = deployments
        self._listing = CallListing(calls.store.database)
        self._resumption = Resumption(calls, deployments)

    async def open(self) -> None:
        """After the deployments: what the server before has not ended goes on."""
        await self._resumption.open()

    async def list(self, environment: str, **which: Any) -> list[Call]:
        """See `CallListing.calls`."""
        return await asyncio.to_thread(partial(self._listing.calls, environment, **which))

    async def check_app(self, environment: str, app: str) -> None:
        """Raises `NotFoundError`: no call of it is kept, and no version was ever deployed."""
        if not await self.list(environment, app=app, limit=1):
            self._deployments.check_known(environment, app)

    async def find(self, environment: str, call: str) -> Call:
        """Raises `NotFoundError`: there is none in this environment."""
        found = await asyncio.to_thread(self._calls.store.call, call)
        if found.environment != environment:
            raise NotFoundError(f"no call {found.id} is known in environment {environment!r}")
        return found

    async def inputs(self, call: Call, first: int = 0, limit: int = 100) -> Sequence[CallInput]:
        """See `CallListing.inputs`."""
        return await asyncio.to_thread(self._listing.inputs, call, first, limit)

    async def failed_inputs(self, call: Call, skipped: int = 0, limit: int = 100) -> Sequence[CallInput]:
        """See `CallListing.failed_inputs`."""
        return await asyncio.to_thread(self._listing.failed_inputs, call, skipped, limit)

    async def retry(self, call: Call, indices: Sequence[int] | None) -> Sequence[int]:
        """Run inputs that have failed once more, in the live version of their app: all, or `indices`; which. Raises as
        `CallStore.forget_failed`, and `NotFoundError`: the app is not deployed any more."""
        self._deployments.check_live(call.environment, call.app)
        again = await self._calls.forget_failed(call.id, indices)
        self._deployments.background(self._resumption.begin(call.environment, call.app, [call.id]))
        return again

    async def cancel(self, call: Call) -> None:
        """Cancel what has no output. Idempotent."""
        session = self._deployments.with_call(call.id)
        if session is None or not session.cancel(call.id):
            await self._calls.cancel(call.id)
