"""Registry images that are this host's own userland: the only ones that a backend without an engine can start from."""

from __future__ import annotations

import platform
import re

from intermodal.exception import CapabilityNotSupported
from intermodal.specs import DebianSlim, ImageBase, Registry

__all__ = ["NO_ENTRYPOINT", "own_base"]

NO_ENTRYPOINT = (
    "containers here are forks of a running interpreter, which no program can wrap: do what it does in an "
    "@intermodal.enter() method, or use --backend docker or podman"
)
_ELSEWHERE = "use --backend docker or podman for it"


def own_base(base: ImageBase) -> DebianSlim:
    """`base` as a Python over the host's userland.

    Raises:
        CapabilityNotSupported: it is something else; the hint says what this host is, and what to do.
    """
    if isinstance(base, DebianSlim):
        return base
    if not isinstance(base, Registry):
        hint = f"containers here have this host's userland, which is not empty: {_ELSEWHERE}"
        raise CapabilityNotSupported("image.from_scratch", "local", hint)
    release = platform.freedesktop_os_release()
    system, number, name = (release.get(key, "") for key in ("ID", "VERSION_ID", "VERSION_CODENAME"))
    repository, tag = _split(base.tag)
    if repository == system and name and tag.removesuffix("-slim") in (name, number):
        return DebianSlim(python=base.python)
    if repository == "python" and system == "debian":
        found = re.fullmatch(rf"(3\.\d+(?:\.\d+)?)(?:-slim)?-{re.escape(name)}", tag)
        if found:
            return DebianSlim(python=base.python if base.add_python else found[1])
    own = f"{system}:{name}-slim or python:3.X-slim-{name}" if system == "debian" else f"{system}:{number}"
    hint = (
        f"{base.tag!r} is not this host's userland, which is {release.get('PRETTY_NAME', system)}: {_ELSEWHERE}, or "
        f"begin with {own}, or Image.debian_slim()"
    )
    raise CapabilityNotSupported("image.from_registry", "local", hint)


def _split(tag: str) -> tuple[str, str]:
    """Repository and tag, without the registry that official images come from."""
    name, _, version = tag.partition(":")
    for prefix in ("docker.io/", "index.docker.io/", "library/"):
        name = name.removeprefix(prefix)
    return name, version
