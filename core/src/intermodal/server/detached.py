"""Apps that outlive the clients that began them, until their calls end or somebody stops them (app.ephemeral)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from intermodal.driver import EmbeddedSession
from intermodal.driver.peers import Peer
from intermodal.exception import InvalidError, RemoteError

__all__ = ["DetachedApps"]

#: Apps whose clients were away for too long that are remembered.
_REMEMBERED = 10_000

_log = logging.getLogger("intermodal.server")


@dataclass(eq=False, slots=True)
class _App:
    session: EmbeddedSession
    close_web: Callable[[], None]
    hang_up: Callable[[Exception], None]
    begun: float = field(default_factory=time.time)
    following: asyncio.Task[None] | None = None  # its calls, where its client is gone
    closing: asyncio.Task[None] | None = None

    @property
    def id(self) -> str:
        return f"ap-{self.session.id}"

    @property
    def state(self) -> str:
        if self.closing is not None:
            return "stopping"
        return "attached" if self.following is None else "detached"


class DetachedApps:
    """On the server's loop. A client's program knows its app's id, and so `app ls` does."""

    def __init__(self) -> None:
        self._apps: dict[str, _App] = {}
        self._left: dict[str, None] = {}  # sessions whose clients are gone

    def begin(
        self, session: EmbeddedSession, close_web: Callable[[], None], hang_up: Callable[[Exception], None]
    ) -> None:
        """An app has begun, with its client.

        Args:
            close_web: has its web functions take no requests any more. Idempotent.
            hang_up: ends the client's part, with a reason: the app was stopped.
        """
        self._apps[session.id] = _App(session, close_web, hang_up)

    def leave(self, session: EmbeddedSession, peer: Peer) -> None:
        """The client is gone, for good: what it has submitted goes on, and then the app ends."""
        app = self._apps.get(session.id)
        if app is None or app.closing is not None:
            return
        self._left[session.id] = None
        if len(self._left) > _REMEMBERED:
            del self._left[next(iter(self._left))]
        session.let_go(peer)
        app.following = asyncio.get_running_loop().create_task(self._follow(app))

    def check_not_left(self, session: str) -> None:
        """Raises `RemoteError` where a client comes back to an app, by its session's id, that has gone on without it:
        what it would submit anew was not lost."""
        if session in self._left:
            raise RemoteError(
                f"the app ap-{session} went on without this program, which was away for too long: `intermodal app ls` "
                "has it while its calls run, and `intermodal app logs` what it printed"
            )

    def rows(self, environment: str) -> list[dict[str, Any]]:
        """Those that run in an environment, the oldest first."""
        return [
            {
                "environment": environment,
                "app": app.session.app.name,
                "id": app.id,
                "number": None,
                "state": app.state,
                "tag": "",
                "created": app.begun,
                "changed": app.begun,
            }
            for app in self._apps.values()
            if app.session.environment == environment
        ]

    async def stop(self, environment: str, app: str, *, by_name: bool) -> bool:
        """End the app with this id, or, where `by_name` says so, of this name: running inputs get their grace period.
        False: there is none. Raises `InvalidError`: there are several."""
        here = [each for each in self._apps.values() if each.session.environment == environment]
        found = [each for each in here if each.id == app]
        if not found and by_name:
            found = [each for each in here if each.session.app.name == app]
        if len(found) > 1:
            ids = ", ".join(each.id for each in found)
            raise InvalidError(f"{len(found)} detached apps are called {app!r}: stop one by its id, of {ids}")
        for each in found:
            await self._stop(each)
        return bool(found)

    async def close(self) -> None:
        """The server ends: so do they."""
        await asyncio.gather(*map(self._stop, list(self._apps.values())), return_exceptions=True)

    async def _stop(self, app: _App) -> None:
        if app.following is not None:
            app.following.cancel()
        elif app.closing is None:
            app.hang_up(RemoteError(f"the app {app.session.app.name!r} ({app.id}) was stopped"))
        await asyncio.shield(self._end(app))

    async def _follow(self, app: _App) -> None:
        try:
            await app.session.idle()
            app.close_web()
            await app.session.idle()  # requests that came meanwhile
        except Exception:  # noqa: BLE001 - it ends all the same
            _log.exception("the calls of the detached app %s could not be waited for", app.id)
        self._end(app)

    def _end(self, app: _App) -> asyncio.Task[None]:
        if app.closing is None:
            app.closing = asyncio.get_running_loop().create_task(self._close(app))
        return app.closing

    async def _close(self, app: _App) -> None:
        app.close_web()
        try:
            await asyncio.to_thread(app.session.close)
        except Exception:  # noqa: BLE001 - nobody waits for it who could be told
            _log.exception("the detached app %s ended with an error", app.id)
        finally:
            del self._apps[app.session.id]
