"""Calls of deployed functions that one client makes: each goes to the session of the version that has it."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from intermodal.driver import EmbeddedSession
from intermodal.driver.clients import refuse_call
from intermodal.driver.peers import Peer
from intermodal.driver.replies import reply_to, withdrawn
from intermodal.exception import Error, NotFoundError, RemoteError
from intermodal.server.calls.answers import answered
from intermodal.server.deployed import Running
from intermodal.wire.payload import Payload

if TYPE_CHECKING:
    from intermodal.server.deployments import Deployments

__all__ = ["OF_CALLS", "OF_FUNCTIONS", "Routes"]

_log = logging.getLogger("intermodal.server")

_Frame = tuple[dict[str, Any], list[bytes]]

#: Requests that name a call, and those that name a function.
OF_CALLS = ("call.output", "call.cancel", "call.graph")
OF_FUNCTIONS = ("function.stats", "function.autoscale")


@dataclass(slots=True)
class _Routed:
    """A call: its session, and the frames that came before that had started."""

    session: EmbeddedSession | None = None
    waiting: list[_Frame] = field(default_factory=list)


class Routes:
    """On the server's loop; frames back come from any thread.

    Args:
        peer: the client.
        cut: what to do with it where it breaks the protocol; on any thread.
    """

    container = ""

    def __init__(self, peer: Peer, deployments: Deployments, cut: Callable[[str], None]) -> None:
        self.client = f"{peer.client}:deployed"
        self._peer = peer
        self._deployments = deployments
        self._cut = cut
        self._loop = asyncio.get_running_loop()
        self._calls: dict[str, _Routed] = {}
        self._sessions: weakref.WeakSet[EmbeddedSession] = weakref.WeakSet()
        self._starting: set[asyncio.Task[None]] = set()
        self._asked: dict[Any, asyncio.Task[None]] = {}
        self._gone = False

    def take(self, header: dict[str, Any], segments: list[bytes], own: EmbeddedSession | None) -> bool:
        """Carry a frame on; False: it is about nothing deployed. `own` is the session of the client's own app.

        Raises one of `channel.MALFORMED`.
        """
        kind = header["t"]
        if kind == "submit":
            if header.get("environment") is None:
                return False
            self._submit(header, segments)
            return True
        if kind == "request":
            return self._request(header, segments, own)
        if kind == "withdraw":
            if header["id"] in self._asked:
                self._asked[header["id"]].cancel()
                return True
            for session in self._sessions:
                self._send(session, (header, segments))
            return False
        routed = self._calls.get(str(header.get("call")))
        if routed is None:
            return False
        if routed.session is None:
            routed.waiting.append((header, segments))
        else:
            self._send(routed.session, (header, segments))
        return True

    async def close(self) -> None:
        """The client is gone, and with it what it has not detached."""
        self._gone = True
        for task in list(self._starting):
            task.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        for session in list(self._sessions):
            self._leave(session)

    def _leave(self, session: EmbeddedSession) -> None:
        with suppress(NotFoundError, RuntimeError):  # it has ended
            session.left(self)

    # ---- calls ------------------------------------------------------------------------------------------------------

    def _submit(self, header: dict[str, Any], segments: list[bytes]) -> None:
        call, environment, app = str(header["call"]), str(header["environment"]), str(header["app"])
        if call in self._calls:
            raise ValueError(f"call id {call!r} is taken")
        routed = self._calls[call] = _Routed(waiting=[(header, segments)])
        try:
            running = self._deployments.running_now(environment, app)
            if running is not None:
                self._begin(call, routed, running)
                return
        except Error as error:
            self._refuse(call, error)
            return
        # What is detached goes on without its client, however far it has come.
        later = self._deployments.background if header.get("detached") else self._background
        later(self._start(call, routed, environment, app))

    async def _start(self, call: str, routed: _Routed, environment: str, app: str) -> None:
        try:
            self._begin(call, routed, await self._deployments.running_of(environment, app))
        except Error as error:
            self._refuse(call, error)
        except Exception as error:  # noqa: BLE001 - whoever called waits for an answer
            self._refuse(call, RemoteError(f"app {app!r} does not start: {type(error).__name__}: {error}"))

    def _begin(self, call: str, routed: _Routed, running: Running) -> None:
        """Without awaiting between finding the session and this (`Deployments.running_of`)."""
        header, segments = routed.waiting[0]
        routed.waiting[0] = {**header, "key": running.package.function(str(header["key"])).key}, segments
        routed.session = running.session
        waiting, routed.waiting = routed.waiting, []
        for frame in waiting:
            self._send(running.session, frame)
        if self._gone:
            self._leave(running.session)
        if header.get("detached"):  # nothing follows but requests
            del self._calls[call]
            self._deployments.begun(call, running.session)

    def _refuse(self, call: str, error: Error) -> None:
        routed = self._calls.pop(call, None)
        detached = routed is not None and bool(routed.waiting[0][0].get("detached"))
        refuse_call(self._peer, call, error, detached=detached)

    def _background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)
        return task

    def _send(self, session: EmbeddedSession, frame: _Frame) -> bool:
        """False: it has ended, and told of its calls' end."""
        self._sessions.add(session)
        try:
            session.receive(self, *frame, self._cut)
        except (NotFoundError, RuntimeError):
            return False
        return True

    # ---- requests ---------------------------------------------------------------------------------------------------

    def _request(self, header: dict[str, Any], segments: list[bytes], own: EmbeddedSession | None) -> bool:
        method, params = str(header["method"]), header["params"]
        if method in OF_FUNCTIONS and params.get("environment") is not None:
            self._background(self._of_function(header, segments))
            return True
        call = str(params.get("call"))
        if method not in OF_CALLS or (own is not None and own.knows(call)):
            return False
        session = self._deployments.with_call(call) if method != "call.output" else None
        if session is None or not self._send(session, (header, segments)):
            self._ask(header)
        return True

    def _ask(self, header: dict[str, Any]) -> None:
        """About a call that no session has to be asked for."""
        number = header["id"]
        self._asked[number] = self._background(self._of_call(header))
        self._asked[number].add_done_callback(lambda _: self._asked.pop(number, None))

    async def _of_call(self, header: dict[str, Any]) -> None:
        try:
            reply, answer = await reply_to(header, partial(answered, self._deployments.calls), _log)
        except asyncio.CancelledError:
            self._peer.send(withdrawn(header))
            raise
        if answer is not None and answer.payloads:
            self._peer.send_payloads({**reply, "payloads": True}, [], answer.segments)
        else:
            self._peer.send(reply)

    async def _of_function(self, header: dict[str, Any], segments: list[bytes]) -> None:
        params = header["params"]
        try:
            running = await self._deployments.running_of(str(params["environment"]), str(params["app"]))
            key = running.package.function(str(params["key"])).key
        except Error as error:
            reply = {"t": "reply", "id": header["id"], "ok": False}
            self._peer.send({**reply, "error": type(error).__name__, "message": str(error)})
        else:
            self._send(running.session, ({**header, "params": {**params, "key": key}}, segments))

    # ---- as a client of sessions (`Peer`) ---------------------------------------------------------------------------

    def payload(self, segment: bytes) -> Payload:
        """See `Peer`."""
        return self._peer.payload(segment)

    def send(self, header: dict[str, Any], segments: Sequence[Any] = ()) -> None:
        """See `Peer`."""
        if header["t"] == "ended":
            with suppress(RuntimeError):  # the server has ended
                self._loop.call_soon_threadsafe(self._calls.pop, header["call"], None)
        self._peer.send(header, segments)

    def send_payloads(self, header: dict[str, Any], segments: list[Any], payloads: Sequence[Any]) -> None:
        """See `Peer`."""
        self._peer.send_payloads(header, segments, payloads)
