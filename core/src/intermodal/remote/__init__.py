"""Who carries out an app and answers for named objects: this process, or the server that is configured."""

from __future__ import annotations

import functools
from contextlib import suppress
from typing import TYPE_CHECKING

from intermodal.client.api import Client
from intermodal.client.work import Work
from intermodal.driver import EmbeddedSession
from intermodal.driver import secret_store as secrets_here
from intermodal.driver import standing as standing_here
from intermodal.exception import ConfigError
from intermodal.plugins import Config
from intermodal.plugins.extras import needing
from intermodal.storage import SecretStore

if TYPE_CHECKING:
    from intermodal.remote.calls import RemoteCalls
    from intermodal.remote.deployed_apps import Deploying
    from intermodal.remote.environments import RemoteEnvironments
    from intermodal.remote.running import RemoteSession
    from intermodal.remote.schedules import RemoteSchedules
    from intermodal.remote.secrets import RemoteSecrets

__all__ = ["calls", "deployed", "deploying", "environments", "schedules", "secret_store", "session", "standing"]


def session(work: Work, config: Config | None = None, *, detach: bool = False) -> EmbeddedSession | RemoteSession:
    """A session, not entered yet: as `EmbeddedSession` has it. One that is to `detach` outlives this process. Raises
    `ConfigError`: a setting is wrong, or no server is configured to detach at."""
    config = config or Config.load()
    if config.get("server_url"):
        with needing("server", "server_url"):
            from intermodal.remote.running import RemoteSession
        return RemoteSession(work, config, detach=detach)
    if detach:
        raise _no_server("an app that is to go on without this program (detach)")
    if any(method.web is not None for function in work.app.functions for method in function.methods):
        with suppress(ModuleNotFoundError):  # without it only `get_web_url` is missing, which says so
            from intermodal.gateway import ServedSession

            return ServedSession(work, config)
    return EmbeddedSession(work, config)


def deploying(what: str) -> Deploying:
    """The server's deployed apps. `what` asks for them. Raises `ConfigError`: no server is configured."""
    config = _with_server(what)
    with needing("server", "server_url"):
        from intermodal.remote.deployed_apps import Deploying
    return Deploying(config)


def schedules(what: str) -> RemoteSchedules:
    """The server's schedules. `what` asks for them. Raises `ConfigError`: no server is configured."""
    config = _with_server(what)
    with needing("server", "server_url"):
        from intermodal.remote.schedules import RemoteSchedules
    return RemoteSchedules(config)


def environments(what: str) -> RemoteEnvironments:
    """The server's environments. `what` asks for them. Raises `ConfigError`: no server is configured."""
    config = _with_server(what)
    with needing("server", "server_url"):
        from intermodal.remote.environments import RemoteEnvironments
    return RemoteEnvironments(config)


def calls(what: str) -> RemoteCalls:
    """The server's spawned calls. `what` asks for them. Raises `ConfigError`: no server is configured."""
    config = Config.load()
    if not config.get("server_url"):
        raise _no_server(what)
    with needing("server", "server_url"):
        from intermodal.remote.calls import RemoteCalls
    return RemoteCalls(config)


def standing() -> Client:
    """Who answers for named objects where no app of this process runs; whether that is a server is looked up once.

    Raises `ConfigError`, `ConnectionError`.
    """
    server = _server()
    if server is None:
        return standing_here()
    with needing("server", "server_url"):
        from intermodal.remote.named import standing as standing_there
    return standing_there(server)


def deployed() -> Client:
    """A client of the server, for calls of deployed apps. Raises as `standing`, and where no server is configured."""
    if _server() is None:
        raise _no_server("calling a deployed app")
    return standing()


def _with_server(what: str) -> Config:
    config = Config.load()
    if not config.get("server_url"):
        raise _no_server(what)
    return config


def _no_server(what: str) -> ConfigError:
    return ConfigError(
        f"{what} needs a server: start `intermodal server` where apps are to run, and set INTERMODAL_SERVER_URL to the "
        "URL that it prints"
    )


@functools.cache
def _server() -> Config | None:
    """The settings that name one; every use of a queue asks, so the files are not read anew."""
    config = Config.load()
    return config if config.get("server_url") else None


def secret_store() -> tuple[SecretStore | RemoteSecrets, str]:
    """The named secrets, and the environment that names belong to by default. Raises as `standing`."""
    config = Config.load()
    if not config.get("server_url"):
        return secrets_here(config)
    with needing("server", "server_url"):
        from intermodal.remote.named import secrets as secrets_there
    return secrets_there(config), config.environment
