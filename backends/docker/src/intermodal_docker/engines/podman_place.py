"""Where podman's service is, as its own command would find it: addresses, connections and keys."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from intermodal_docker.engines.place import Place

__all__ = ["PODMAN_SOCKET", "podman_place"]

#: The one of root.
PODMAN_SOCKET = "/run/podman/podman.sock"


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
