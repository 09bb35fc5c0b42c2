"""Calls of deployed functions that code in containers makes: from the session that the code runs in to another one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from intermodal.client.api import Reply
from intermodal.driver.peers import Peer
from intermodal.driver.replies import reply_to
from intermodal.server.lookup import looked_up
from intermodal.server.routes import OF_CALLS, OF_FUNCTIONS, Routes
from intermodal.wire.payload import Payload, flat, received

if TYPE_CHECKING:
    from intermodal.server.deployments import Deployments

__all__ = ["Nested"]


class Nested:
    """Implements `driver.elsewhere.Elsewhere` for a session whose names belong to `environment`. Made on the server's
    loop, used on the session's."""

    def __init__(self, deployments: Deployments, environment: str) -> None:
        self._deployments = deployments
        self._environment = environment
        self._server = asyncio.get_running_loop()
        self._relays: dict[str, _Relay] = {}

    def take(self, peer: Peer, header: dict[str, Any], segments: list[bytes], *, known: bool) -> bool:
        """See `Elsewhere`."""
        relay = self._relays.get(peer.client)
        if relay is None:
            if header["t"] not in ("submit", "request"):
                return False
            relay = self._relays[peer.client] = _Relay(peer, self._deployments, self._environment, self._server)
        return relay.take(header, segments, known=known)

    def gone(self, peer: Peer) -> None:
        """See `Elsewhere`."""
        relay = self._relays.pop(peer.client, None)
        if relay is not None:
            relay.gone()


class _Relay:
    """One container: a `Peer` for other sessions, whose loops it takes frames from to that of the container's own."""

    container = ""

    def __init__(
        self, peer: Peer, deployments: Deployments, environment: str, server: asyncio.AbstractEventLoop
    ) -> None:
        self.client = f"{peer.client}:{id(peer):x}"
        self._peer = peer
        self._deployments, self._environment = deployments, environment
        self._server, self._home = server, asyncio.get_running_loop()
        self._calls: set[str] = set()
        self._routes: Routes | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # ---- on the loop of the container's session ---------------------------------------------------------------------

    def take(self, header: dict[str, Any], segments: list[bytes], *, known: bool) -> bool:
        """See `Elsewhere`."""
        kind = header["t"]
        if kind == "submit":
            if header.get("environment") is None:
                return False
            self._calls.add(str(header["call"]))
            # The input that this is for is none of the engine's that gets it.
            header = {**header, "parent": None}
        elif kind == "request":
            method, params = str(header["method"]), header["params"]
            deployed = method in OF_FUNCTIONS and params.get("environment") is not None
            if method != "app.lookup" and not deployed and (method not in OF_CALLS or known):
                return False
        elif kind != "withdraw" and str(header.get("call")) not in self._calls:
            return False
        plain = 1 if kind == "submit" else 0  # the parameters of a class, ahead of inputs
        payloads = [self._peer.payload(segment) for segment in segments[plain:]]
        self._to(self._server, self._carry, header, [*segments[:plain], *flat(payloads)])
        return bool(kind != "withdraw")

    def gone(self) -> None:
        """The container is no more."""
        self._to(self._server, self._close)

    # ---- on the server's --------------------------------------------------------------------------------------------

    def _carry(self, header: dict[str, Any], segments: list[bytes]) -> None:
        if self._routes is None:
            self._routes = Routes(self, self._deployments, lambda _: None)
        if header.get("method") == "app.lookup":
            self._start(self._look_up(header))
        else:
            self._routes.take(header, segments, None)

    async def _look_up(self, header: dict[str, Any]) -> None:
        async def work(_: str, params: dict[str, Any]) -> Reply:
            environment = str(params.get("environment") or self._environment)
            return Reply(await looked_up(self._deployments, environment, params))

        self.send((await reply_to(header, work))[0])

    def _close(self) -> None:
        if self._routes is not None:
            self._start(self._routes.close())

    def _start(self, work: Any) -> None:
        task = self._server.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- as a client of other sessions (`Peer`) ---------------------------------------------------------------------

    def payload(self, segment: bytes) -> Payload:
        """See `Peer`."""
        return received(segment, None)

    def send(self, header: dict[str, Any], segments: Sequence[Any] = ()) -> None:
        """See `Peer`."""
        self._to(self._home, self._send_home, header, segments)

    def send_payloads(self, header: dict[str, Any], segments: list[Any], payloads: Sequence[Any]) -> None:
        """See `Peer`."""
        self._to(self._home, self._peer.send_payloads, header, segments, flat(payloads))

    def _send_home(self, header: dict[str, Any], segments: Sequence[Any]) -> None:
        if header["t"] == "ended":
            self._calls.discard(header["call"])
        self._peer.send(header, segments)

    def _to(self, loop: asyncio.AbstractEventLoop, work: Any, *arguments: Any) -> None:
        with suppress(RuntimeError):  # that session, or the server, has ended
            loop.call_soon_threadsafe(work, *arguments)
