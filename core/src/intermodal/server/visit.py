"""One client: the app that it runs, its calls and requests, and what it is told, over one connection after another."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from functools import partial
from typing import Any

from intermodal.client.api import Reply
from intermodal.client.work import Work
from intermodal.driver import EmbeddedSession
from intermodal.driver.replies import reply_to, withdrawn
from intermodal.exception import InvalidError, VersionError
from intermodal.gateway import Endpoint
from intermodal.server.app_requests import AppRequests, Method, secret_values
from intermodal.server.calls import CallDesk, CallRequests
from intermodal.server.deployed_web import DeployedWeb
from intermodal.server.deployments import Deployments
from intermodal.server.environment_requests import EnvironmentRequests
from intermodal.server.environments import Environments
from intermodal.server.forwarding import Forwarder
from intermodal.server.hosting import Hosting
from intermodal.server.nested import Nested
from intermodal.server.outbox import Outbox
from intermodal.server.routes import Routes
from intermodal.server.schedules import ScheduleRequests, Schedules
from intermodal.server.telling import Telling
from intermodal.specs import AppSpec, ImageSpec, from_json
from intermodal.wire.frame import FrameReader
from intermodal.wire.messages import PROTOCOL
from intermodal.wire.payload import Payload, flat, received
from intermodal.wire.resumption import Received

__all__ = ["Visit"]

_log = logging.getLogger("intermodal.server")

#: Frames that may cross the news that what they are about has ended.
_LATE = frozenset({"withdraw", "grant", "add", "cancelcall"})


class Visit:
    """A `driver.clients.Peer`: what it sends after "app.begin" is its session's. All but what a peer sends is on the
    server's loop.

    Args:
        outbox: what goes to the client.
        author: who the client is, as far as is known.
    """

    container = ""

    def __init__(
        self,
        hosting: Hosting,
        environments: Environments,
        deployments: Deployments,
        desk: CallDesk,
        schedules: Schedules,
        web: DeployedWeb,
        outbox: Outbox,
        author: str,
    ) -> None:
        self.client = f"client:{secrets.token_hex(8)}"
        self.author = author
        self.stream = secrets.token_urlsafe(24)  #: what the client claims it with when it comes back; a secret
        self.process: Any = None  #: the client's, as `neighbour.own_name` has it
        self.outbox = outbox
        self.received = Received()
        self._hosting = hosting
        self._environments = environments
        self._web = web
        self._reader = FrameReader()
        self._telling = Telling(outbox)
        self._forwarder = Forwarder(self._observed)
        self._arriving = hosting.arriving()
        self._session: EmbeddedSession | None = None
        self._detached = False  #: its session outlives it
        self._endpoints: list[Endpoint] = []
        self._url = ""
        self._environment = ""
        self._greeted = False
        self._asked: dict[Any, asyncio.Task[None]] = {}
        self._closing: asyncio.Task[None] | None = None
        self._deployments = deployments
        self._routes = Routes(self, deployments, self.cut)
        apps = AppRequests(
            deployments, hosting.detached, lambda: self._environment, author, lambda: Forwarder(self._observed)
        )
        self._methods: dict[str, Method] = {
            **apps.methods,
            **EnvironmentRequests(environments, deployments).methods,
            **ScheduleRequests(schedules, self._where).methods,
            **CallRequests(desk, self._where).methods,
            "blobs.missing": self._missing,
            "blobs.put": self._put,
            "app.begin": self._begin,
            "app.build": self._build,
            "app.end": self._end,
            "web.deployed": self._deployed_url,
        }

    # ---- frames in ------------------------------------------------------------------------------------------------

    def message(self, piece: bytes) -> None:
        """One message of its stream: a piece of a frame. Raises one of `channel.MALFORMED` where it breaks the
        protocol, `VersionError`."""
        if self.received.take(piece):
            self.outbox.acknowledge(self.received.total)
        for header, segments in self._reader.feed(piece):
            self._frame(header, segments)

    def _frame(self, header: dict[str, Any], segments: list[bytes]) -> None:
        kind = header["t"]
        if not self._greeted:
            self._greet(kind, header)
        elif self._routes.take(header, segments, self._session):
            pass
        elif kind == "request" and self._is_mine(str(header["method"])):
            self._ask(header, segments)
        elif kind == "withdraw" and header["id"] in self._asked:
            self._asked[header["id"]].cancel()
        elif self._session is not None:
            self._session.receive(self, header, segments, self.cut)
        elif kind not in _LATE:
            raise ValueError(f"{kind!r} before the app has begun")

    def _is_mine(self, method: str) -> bool:
        return self._session is None or method in self._methods or method.startswith("secret.")

    def _greet(self, kind: str, header: dict[str, Any]) -> None:
        if kind != "hello":
            raise ValueError(f"{kind!r} before hello")
        if header["protocol"] != PROTOCOL:
            raise VersionError(
                f"the client speaks protocol {header['protocol']}, this server {PROTOCOL}: install the same version of "
                "intermodal at both ends"
            )
        self._greeted = True
        self._url = str(header.get("url") or "")
        self._environment = str(header["environment"] or self._hosting.config.environment)
        self.process = header.get("process")
        config = self._hosting.config
        lease = {"stream": self.stream, "lease_s": float(config.get("client_lease_s"))}
        self.outbox.put({"t": "welcome", "backend": config.backend, **lease})

    def _ask(self, header: dict[str, Any], segments: list[bytes]) -> None:
        number = header["id"]
        task = asyncio.get_running_loop().create_task(self._reply(header, segments))
        self._asked[number] = task
        task.add_done_callback(lambda _: self._asked.pop(number, None))

    async def _reply(self, header: dict[str, Any], segments: list[bytes]) -> None:
        try:
            reply, answer = await reply_to(header, partial(self._answer, segments), _log)
        except asyncio.CancelledError:
            self.outbox.put(withdrawn(header))
            raise
        self.outbox.put(reply, answer.segments if answer is not None else ())

    async def _answer(self, segments: Sequence[bytes], method: str, params: dict[str, Any]) -> Reply:
        if method in self._methods:
            return Reply(await self._methods[method](params, segments), ())
        self._where(params)
        if method.startswith("secret."):
            return Reply(await self._hosting.secret(method, params), ())
        return await self._hosting.request(self._environment, method, params, segments)

    def _where(self, params: dict[str, Any]) -> str:
        """The environment that a request is about. Raises `NotFoundError`."""
        environment = str(params.get("environment") or self._environment)
        self._environments.check(environment)
        return environment

    async def _deployed_url(self, params: dict[str, Any], _: Sequence[bytes]) -> str | None:
        where = str(params["environment"]), str(params["app"])
        return self._web.url(*where, str(params["key"]), str(params["method"]), self._url)

    # ---- the app --------------------------------------------------------------------------------------------------

    async def _missing(self, params: dict[str, Any], _: Sequence[bytes]) -> list[str]:
        return await self._hosting.missing([str(blob) for blob in params["blobs"]])

    async def _put(self, params: dict[str, Any], segments: Sequence[bytes]) -> None:
        blob = str(params["blob"])
        path = await asyncio.to_thread(self._arriving.take, blob, segments[0])
        if params["last"]:
            try:
                await self._hosting.keep(blob, path)
            finally:
                self._arriving.forget(blob)

    async def _begin(self, params: dict[str, Any], _: Sequence[bytes]) -> str:
        if self._session is not None:
            raise InvalidError("this connection runs an app already")
        self._environments.check(self._environment)
        self._hosting.detached.check_not_left(str(params.get("again") or ""))
        app = from_json(AppSpec, params["app"])
        work = Work(app, {}, secret_values(params["secrets"]), secret_values(params["build_secrets"]))
        self._forwarder = Forwarder(self._observed)
        session = self._hosting.session(
            work, self._environment, self._forwarder, Nested(self._deployments, self._environment)
        )
        await _entered(session)
        self._session = session
        self._endpoints = endpoints = self._hosting.web.serve(session, app, self._url)
        self._detached = bool(params.get("detach"))
        if self._detached:
            self._hosting.detached.begin(session, partial(self._hosting.web.leave, endpoints), self._stopped)
        return session.id

    async def _build(self, params: dict[str, Any], _: Sequence[bytes]) -> str:
        if self._session is None:
            raise InvalidError("no app has begun on this connection")
        image, values = from_json(ImageSpec, params["image"]), secret_values(params["secrets"])
        return (await asyncio.to_thread(self._session.build, image, {}, values)).id

    async def _end(self, params: dict[str, Any], _: Sequence[bytes]) -> None:
        grace = params["grace_s"]
        await self._stop(None if grace is None else float(grace))

    async def _stop(self, grace_s: float | None) -> None:
        session, self._session = self._session, None
        if session is not None and self._detached:
            self._forwarder.end()
            self._hosting.detached.leave(session, self)
            return
        self._hosting.web.leave(self._endpoints)
        if session is not None:
            await asyncio.to_thread(session.close, grace_s)

    def _stopped(self, why: Exception) -> None:
        """Somebody else ends its detached app."""
        self._session = None
        self.refuse(type(why).__name__, str(why))

    async def close(self) -> None:
        """The client is gone, for good: its app ends, or goes on without it (app.ephemeral). Goes on where its caller
        is cancelled. Idempotent."""
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        for task in list(self._asked.values()):
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)
        await self._routes.close()
        await self._stop(None)
        await asyncio.to_thread(self._arriving.close)
        self.outbox.close()

    # ---- frames out, from any thread --------------------------------------------------------------------------------

    def payload(self, segment: bytes) -> Payload:
        """See `Peer`."""
        return received(segment, None)

    def send(self, header: dict[str, Any], segments: Sequence[Any] = ()) -> None:
        """See `Peer`."""
        self.outbox.put(header, segments)

    def send_payloads(self, header: dict[str, Any], segments: list[Any], payloads: Sequence[Any]) -> None:
        """See `Peer`."""
        self.outbox.put(header, [*segments, *flat(payloads)])

    def cut(self, why: str) -> None:
        """It broke the protocol."""
        self.refuse("ConnectionError", f"the client broke the protocol: {why}")

    def refuse(self, error: str, message: str) -> None:
        """Say why, and hang up."""
        self.outbox.put({"t": "refused", "error": error, "message": message})
        self.outbox.close()

    def _observed(self, kind: str, records: list[dict[str, Any]]) -> None:
        self._telling.tell(kind, records)


async def _entered(session: EmbeddedSession) -> None:
    """Start it; where the wait is cancelled, nothing of it is left."""
    entering = asyncio.ensure_future(asyncio.to_thread(session.__enter__))
    try:
        await asyncio.shield(entering)
    except asyncio.CancelledError:
        await asyncio.wait({entering})
        if not entering.cancelled() and entering.exception() is None:
            await asyncio.to_thread(session.close, 0.0)
        raise
