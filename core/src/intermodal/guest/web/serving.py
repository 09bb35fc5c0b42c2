"""A web function of this container: its app, made once, and the requests that it answers (web.kinds)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

from intermodal.guest.errors import encode as encode_error
from intermodal.guest.errors import hint_missing_module
from intermodal.guest.results import NOTHING
from intermodal.guest.session import Session
from intermodal.guest.web.apps import App, app_of
from intermodal.guest.web.exchange import Credit, Exchange
from intermodal.guest.web.lifespan import Lifespan
from intermodal.guest.work import Input
from intermodal.specs.status import CANCELLED, ERROR, GENERATOR_END
from intermodal.specs.web import WebSpec
from intermodal.wire.events import decode
from intermodal.wire.payload import Payload

__all__ = ["WebMethod"]


class WebMethod:
    """All but making it happens on the container's loop.

    Args:
        function: the user's; it makes the app, or for endpoints it answers.
        label: for messages.
    """

    def __init__(self, spec: WebSpec, function: Callable[..., Any], label: str, max_inputs: int) -> None:
        self._spec = spec
        self._function = function
        self._label = label
        self._threads = max_inputs
        self._app: App | None = None
        self._lifespan: Lifespan | None = None

    async def start(self) -> None:
        """Make the app, and let it start up (cls.lifecycle). Raises what the user's code raises."""
        app = await app_of(self._spec, self._function, self._label, self._threads)
        lifespan = Lifespan(app)
        await lifespan.start()
        self._app, self._lifespan = app, lifespan

    async def stop(self) -> None:
        """Let it shut down. Raises what the user's code raises."""
        if self._lifespan is not None:
            await self._lifespan.stop()

    async def serve(self, session: Session, work: Input, credit: Credit) -> None:
        """Answer one request, in this task, and hand in its results. Raises nothing of the user's."""
        attempt, _, _, _, payload = work
        status, result = await self._serve(session, attempt, payload, credit)
        session.granted.pop(attempt, None)
        session.finish(attempt, status, result, True)

    async def _serve(self, session: Session, attempt: int, payload: Payload, credit: Credit) -> tuple[int, Payload]:
        exchange = None
        try:
            if attempt in session.cancelled:
                raise asyncio.CancelledError
            assert self._app is not None
            assert self._lifespan is not None
            if not isinstance(payload, bytes):
                raise ValueError("a request's payload is no bytes")
            scope, *events = decode(payload)
            exchange = Exchange(session, attempt, credit, scope, events)
            scope["state"] = self._lifespan.state.copy()
            await self._app(scope, exchange.receive, exchange.send)
            await exchange.finish()
            return GENERATOR_END, NOTHING
        except BaseException as error:  # noqa: BLE001 - user code may raise anything
            if isinstance(error, asyncio.CancelledError) and attempt in session.cancelled:
                return CANCELLED, NOTHING
            hint_missing_module(error)
            sys.excepthook(type(error), error, error.__traceback__)
            if exchange is not None and await exchange.fail():
                return GENERATOR_END, NOTHING
            return ERROR, encode_error(error)
        finally:
            if exchange is not None:
                exchange.close()
