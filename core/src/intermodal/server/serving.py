"""Runs the server in this process until it is told to end."""

from __future__ import annotations

import contextlib
import ipaddress
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from intermodal.exception import ConfigError, Error
from intermodal.gateway import Gateway, uvicorn_config
from intermodal.plugins import Config
from intermodal.server.access import Tokens
from intermodal.server.admission import Admission
from intermodal.server.application import application
from intermodal.server.calls import CallDesk, CallRetention, Calls, CallStore, open_calls
from intermodal.server.database import open_database
from intermodal.server.deployed_web import DeployedWeb
from intermodal.server.deployments import Deployments
from intermodal.server.environments import Environments
from intermodal.server.holding import holding
from intermodal.server.hosting import Hosting
from intermodal.server.occupying import occupying
from intermodal.server.overview import Overview, Pages
from intermodal.server.schedules import Schedules, ScheduleTable
from intermodal.server.version_table import VersionTable
from intermodal.server.watching import Watching
from intermodal.storage.data_dir import using

__all__ = ["Certificate", "serve"]

#: Seconds that clients have to hang up when the server ends.
_LEAVING_S = 5
_DAY = 86_400.0


@dataclass(frozen=True)
class Certificate:
    """Files in PEM form: the server's certificate with those in between, and its key without a password."""

    chain: Path
    key: Path

    def check(self) -> None:
        """Raises `ConfigError`: they cannot be used."""
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(self.chain, self.key, lambda: "")
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"the certificate in {self.chain} with the key in {self.key} cannot be used "
                f"({error.strerror or error}): both must be PEM files that belong together, the key without a password"
            ) from None


def serve(
    config: Config,
    host: str,
    port: int,
    *,
    require_token: bool,
    ready: Callable[[str], None],
    certificate: Certificate | None = None,
    pages: Pages | None = None,
) -> None:
    """Serve at `host:port` (0: any free one) until SIGINT or SIGTERM. Tokens are needed where others than this
    machine's processes can connect, or `require_token` says so.

    Args:
        certificate: for TLS; None: plain HTTP.
        ready: called with the URL when clients can connect.
        pages: what is shown of it at `/dashboard`; None: nothing.

    Raises:
        ConfigError: the address cannot be used, or the data directory, or the certificate; or another server has the
            data directory or the database, or has taken it while it did not answer.
        Error: what the backend or a plugin raises when it is loaded.
    """
    tls: dict[str, Any] = {}
    if certificate is not None:
        certificate.check()
        tls = {"ssl_certfile": str(certificate.chain), "ssl_keyfile": str(certificate.key)}
    data_dir = Path(config.data_dir)
    with using(data_dir):
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.ExitStack() as held:
            note = held.enter_context(occupying(data_dir))
            listener = held.enter_context(_listen(host, port))
            database = open_database(data_dir, config.get("database_url"))
            held.callback(database.dispose)
            over = _Over()
            tell = held.enter_context(holding(database, over.because))
            watching = Watching(config)
            hosting = Hosting(config, watching.watchers)
            environments = Environments(database, config.environment)
            retention = CallRetention(float(config.get("call_days")) * _DAY, int(config.get("call_bytes")))
            calls = Calls(CallStore(open_calls(data_dir, config.get("database_url"))), retention)
            deployments = Deployments(hosting, VersionTable(database), environments, calls)
            desk = CallDesk(calls, deployments)
            schedules = Schedules(ScheduleTable(database), deployments)
            needed = require_token or not _is_loopback(listener)
            tokens = Tokens(database)
            url = _url(listener, bool(tls))
            note(url)
            tell(url)
            web = DeployedWeb(hosting.web.routes, deployments, config.environment, url)
            gateway = Gateway(hosting.web.routes, tokens.admits, shows_labels=not needed)
            admission = Admission(tokens if needed else None)
            overview = Overview(
                environment=config.environment,
                environments=environments,
                admission=admission,
                hosting=hosting,
                activity=watching.activity,
                deployments=deployments,
                schedules=schedules,
                logs=watching.logs,
                series=watching.series,
                calls=desk,
            )
            shown = None if pages is None else pages(overview)
            served, life = application(
                hosting, environments, deployments, desk, schedules, admission, watching, gateway, web, database, shown
            )
            settings = uvicorn_config(served, lifespan="off", timeout_graceful_shutdown=_LEAVING_S, **tls)
            try:
                _Server(settings, life, lambda: ready(url), watching.leave, over).run([listener])
            except Error as error:
                raise error.with_traceback(None) from error.__cause__  # its way through uvicorn tells nobody anything
            if over.error is not None:
                raise over.error


class _Over:
    """Why the server has to end, if it has to. On any thread."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def because(self, error: Exception) -> None:
        """It has to."""
        self.error = error


class _Server(uvicorn.Server):
    """`life` is entered before anybody can connect; what it raises then ends the server. `leaving` is called on the
    event loop when the server begins to end: replies that have no end of their own are to end then."""

    def __init__(
        self,
        config: uvicorn.Config,
        life: contextlib.AbstractAsyncContextManager[None],
        ready: Callable[[], None],
        leaving: Callable[[], None],
        over: _Over,
    ) -> None:
        super().__init__(config)
        self._over = over
        self._life = life
        self._opened = contextlib.AsyncExitStack()
        self._ready = ready
        self._leaving = leaving

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Being told to end is no failure: unlike uvicorn's own, this does not raise the signal again at the end."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def on_tick(self, counter: int) -> bool:
        return await super().on_tick(counter) or self._over.error is not None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self._opened.enter_async_context(self._life)
        await super().startup(sockets)
        if self.started:
            self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._leaving()
        await super().shutdown(sockets)
        if not self.force_exit:  # a second signal: what runs ends with this process
            await self._opened.aclose()


def _listen(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, proto, _, address = found[0]
        listener = socket.socket(family, kind, proto)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise ConfigError(
            f"cannot listen at {host} port {port}: {error.strerror or error}: choose another --port"
        ) from None
    return listener


def _is_loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def _url(listener: socket.socket, secure: bool) -> str:
    scheme = "https" if secure else "http"
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
