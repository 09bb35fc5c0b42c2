"""Where docker's engine is, as its own command would find it: addresses, contexts and certificates."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from intermodal_docker.engines.contexts import current_context, find_context
from intermodal_docker.engines.place import Place

if TYPE_CHECKING:
    from docker.tls import TLSConfig

__all__ = ["DOCKER_SOCKET", "docker_place"]

DOCKER_SOCKET = "/var/run/docker.sock"


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
    except _NoCertificates:
        folder = environ.get("DOCKER_CERT_PATH") or Path.home() / ".docker"
        why = f"DOCKER_TLS_VERIFY or DOCKER_CERT_PATH is set, and {folder} lacks ca.pem, cert.pem or key.pem"
        return Place(address="", failure=f"docker: {why}: put the engine's there, or unset both")
    except (OSError, ValueError, LookupError) as error:
        return Place(address="", failure=f"docker: its contexts cannot be read: {error}: see `docker context ls`")


class _NoCertificates(Exception):
    """They are asked for, and not there."""


def _context(name: str, why: str, environ: Mapping[str, str]) -> Place:
    context = find_context(name, environ)
    if context is None:
        words = f"docker: {why}, and there is no such context: `docker context ls` shows which there are"
        return Place(address="", failure=words)
    address, tls = context.host or f"unix://{DOCKER_SOCKET}", None
    if context.certificates is not None:
        tls = _context_tls(context.certificates, context.verify)
    return Place(address=address, tls=tls)


def _context_tls(folder: Path, verify: bool) -> TLSConfig:
    from docker.errors import TLSParameterError
    from docker.tls import TLSConfig

    ca, cert, key = (str(folder / f"{each}.pem") for each in ("ca", "cert", "key"))
    ours = (cert, key) if os.path.exists(cert) else None
    try:
        return TLSConfig(client_cert=ours, ca_cert=ca if os.path.exists(ca) else None, verify=verify)
    except TLSParameterError:
        raise _NoCertificates from None


def _tls(address: str, environ: Mapping[str, str]) -> TLSConfig | None:
    if not address.startswith(("tcp://", "https://")):
        return None
    from docker.errors import TLSParameterError
    from docker.utils import kwargs_from_env

    try:
        found: TLSConfig | None = kwargs_from_env({**environ, "DOCKER_HOST": address}).get("tls")
    except TLSParameterError:
        raise _NoCertificates from None
    return found
