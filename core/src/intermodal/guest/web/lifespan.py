"""The lifespan of an ASGI app: once a container (cls.lifecycle)."""

from __future__ import annotations

import asyncio
from typing import Any

from intermodal.guest.web.apps import App
from intermodal.wire.events import Event

__all__ = ["Lifespan"]


class Lifespan:
    """Start-up and shut-down of one app. `state` is what it leaves for its requests."""

    def __init__(self, app: App) -> None:
        self.state: dict[str, Any] = {}
        self._app = app
        self._task: asyncio.Task[None] | None = None
        self._inbox: asyncio.Queue[Event] = asyncio.Queue()
        self._answer: asyncio.Future[Event] | None = None

    async def start(self) -> None:
        """Raises what the app raises as it starts up, once it has begun to; an app that knows no lifespan has none."""
        self._task = asyncio.get_running_loop().create_task(self._run())
        answer = await self._ask("startup")
        if answer is not None and answer["type"] == "lifespan.startup.failed":
            raise RuntimeError(f"the app failed to start: {answer.get('message', '')}")

    async def stop(self) -> None:
        """Raises what the app raises as it shuts down."""
        if self._task is None or self._task.done():
            return
        answer = await self._ask("shutdown")
        if answer is not None and answer["type"] == "lifespan.shutdown.failed":
            raise RuntimeError(f"the app failed to shut down: {answer.get('message', '')}")
        await self._task

    async def _ask(self, what: str) -> Event | None:
        """Tell the app; its answer, or None where it has ended without one."""
        assert self._task is not None
        self._inbox.put_nowait({"type": f"lifespan.{what}"})
        self._answer = answer = asyncio.get_running_loop().create_future()
        await asyncio.wait({answer, self._task}, return_when=asyncio.FIRST_COMPLETED)
        return answer.result() if answer.done() else None

    async def _send(self, event: Event) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(event)

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": self.state}
        try:
            await self._app(scope, self._inbox.get, self._send)
        except Exception:  # noqa: BLE001 - by ASGI this says that the app knows no lifespan
            pass
