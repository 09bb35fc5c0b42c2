"""Contexts of the docker command, as it keeps them on disk: names for engines, with their certificates."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["DockerContext", "current_context", "find_context"]

_DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class DockerContext:
    """Where an engine is. `certificates`: a directory with ca.pem, cert.pem and key.pem, or some of them, if there are
    any; `verify`: whether the engine has to show a good one, too."""

    host: str
    certificates: Path | None = None
    verify: bool = True


def current_context(environ: Mapping[str, str]) -> str:
    """The name of the one that the command uses where it is told none. Raises `OSError`, `ValueError`."""
    try:
        settings = json.loads((_folder(environ) / "config.json").read_text())
    except FileNotFoundError:
        return _DEFAULT
    return str(settings.get("currentContext") or _DEFAULT)


def find_context(name: str, environ: Mapping[str, str]) -> DockerContext | None:
    """The context called so; None where there is none. That of this machine's own socket has no host.

    Raises `OSError`, `ValueError`, `LookupError`.
    """
    if name == _DEFAULT:
        return DockerContext("")
    contexts, key = _folder(environ) / "contexts", hashlib.sha256(name.encode()).hexdigest()
    try:
        endpoint = json.loads((contexts / "meta" / key / "meta.json").read_text())["Endpoints"]["docker"]
    except FileNotFoundError:
        return None
    certificates = contexts / "tls" / key / "docker"
    there = certificates if certificates.is_dir() else None
    return DockerContext(endpoint.get("Host", ""), there, not endpoint.get("SkipTLSVerify", False))


def _folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
