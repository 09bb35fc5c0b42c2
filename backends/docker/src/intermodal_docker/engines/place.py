"""Where an engine is, as its own command would find it: addresses, contexts, connections, certificates and keys."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker.errors import TLSParameterError
from docker.tls import TLSConfig
from docker.utils import kwargs_from_env

from intermodal_docker.engines.contexts import current_context, find_context

__all__ = ["DOCKER_SOCKET", "PODMAN_SOCKET", "Place", "docker_place", "podman_place"]

DOCKER_SOCKET = "/var/run/docker.sock"
#: The one of root.
PODMAN_SOCKET = "/run/podman/podman.sock"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One engine's.

    Args:
        address: "unix:///path", "tcp://host:port" or "ssh://user@host:port/path"; "" where nobody can tell.
        tls: of docker's package, where the address is to be spoken to so.
        identity: the file of an ssh key to show, where one is named.
        failure: why nobody can tell, and what to do.
    """

    address: str
    tls: TLSConfig | None = None
    identity: str | None = None
    failure: str = ""

    @property
    def remote(self) -> bool:
        """Whether it is another machine's, as far as the address tells."""
        return not self.address.startswith(("unix://", "http+unix://"))


def docker_place(named: str | None, environ: Mapping[str, str] = os.environ) -> Place:
    """Where docker's engine is.

    Args:
        named: an address, or the name of a context; None: what `DOCKER_HOST`, `DOCKER_CONTEXT` or the command's current
            context says, or else this machine's socket.
    """
    try:
        if named and "://" not in named:
            return _context(named, f"docker.host is {named!r}", environ)
        address = named or environ.get("DOCKER_HOST")
        if address:
            return Place(address=address, tls=_tls(address, environ))
        if name := environ.get("DOCKER_CONTEXT"):
            return _context(name, f"DOCKER_CONTEXT is {name!r}", environ)
        name = current_context(environ)
        return _context(name, f"docker's current context is {name!r}", environ)
    except TLSParameterError:
        folder = environ.get("DOCKER_CERT_PATH") or Path.home() / ".docker"
        why = f"DOCKER_TLS_VERIFY or DOCKER_CERT_PATH is set, and {folder} lacks ca.pem, cert.pem or key.pem"
        return Place(address="", failure=f"docker: {why}: put the engine's there, or unset both")
    except (OSError, ValueError, LookupError) as error:
        return Place(address="", failure=f"docker: its contexts cannot be read: {error}: see `docker context ls`")


def podman_place(named: str | None, environ: Mapping[str, str] = os.environ) -> Place:
    """Where podman's service is.

    Args:
        named: an address, or the name of a connection; None: what `CONTAINER_HOST` or `CONTAINER_CONNECTION` says, or
            this user's own socket; where there is none, podman's default connection.
    """
    address = named or environ.get("CONTAINER_HOST")
    if address and "://" in address:
        return Place(address=address, identity=environ.get("CONTAINER_SSHKEY"))
    name = named or environ.get("CONTAINER_CONNECTION")
    if name:
        return _connection(name, f"podman.host is {name!r}" if named else f"CONTAINER_CONNECTION is {name!r}")
    own = _own_socket(environ)
    return Place(address=f"unix://{own}") if os.path.exists(own) else _default_connection(own)


def _context(name: str, why: str, environ: Mapping[str, str]) -> Place:
    context = find_context(name, environ)
    if context is None:
        words = f"docker: {why}, and there is no such context: `docker context ls` shows which there are"
        return Place(address="", failure=words)
    address, tls = context.host or f"unix://{DOCKER_SOCKET}", None
    if context.certificates is not None:
        ca, cert, key = (str(context.certificates / f"{each}.pem") for each in ("ca", "cert", "key"))
        ours = (cert, key) if os.path.exists(cert) else None
        tls = TLSConfig(client_cert=ours, ca_cert=ca if os.path.exists(ca) else None, verify=context.verify)
    return Place(address=address, tls=tls)


def _tls(address: str, environ: Mapping[str, str]) -> TLSConfig | None:
    if not address.startswith(("tcp://", "https://")):
        return None
    found: TLSConfig | None = kwargs_from_env({**environ, "DOCKER_HOST": address}).get("tls")
    return found


def _connections() -> tuple[dict[str, Any], str | None]:
    """Podman's connections by name, and which is the default."""
    from podman.domain.config import PodmanConfig

    config = PodmanConfig()
    engine, newer = config.attrs.get("engine") or {}, config.attrs.get("Connection") or {}
    found = {**(engine.get("service_destinations") or {}), **(newer.get("Connections") or {})}
    return found, newer.get("Default") or engine.get("active_service")


def _connection(name: str, why: str) -> Place:
    try:
        found = _connections()[0].get(name)
    except (OSError, ValueError, AttributeError) as error:
        return Place(address="", failure=f"podman: its connections cannot be read: {error}")
    if found is None:
        words = f"podman: {why}, and there is no such connection: `podman system connection list` shows which there are"
        return Place(address="", failure=words)
    return Place(address=found.get("uri") or found["URI"], identity=found.get("identity") or found.get("Identity"))


def _default_connection(own: str) -> Place:
    try:
        found, default = _connections()
    except (OSError, ValueError, AttributeError):
        found, default = {}, None
    if default and default in found:
        return _connection(default, "it is podman's default")
    return Place(address=f"unix://{own}")


def _own_socket(environ: Mapping[str, str]) -> str:
    if os.geteuid() == 0:
        return PODMAN_SOCKET
    runtime = environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    return f"{runtime}/podman/podman.sock"
