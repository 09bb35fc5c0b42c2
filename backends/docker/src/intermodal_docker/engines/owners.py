"""Who owns what in a container, where an engine's archives give all to root."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass

from intermodal.exception import BackendError
from intermodal.plugins.openat2 import open_below
from intermodal_docker.engine import Owners

__all__ = ["exported", "mounted"]

_NAMED = os.O_PATH | os.O_CLOEXEC
_MOST_LINKS = 40


def mounted(root: str) -> Owners | None:
    """Of a container whose files the engine says to have mounted at `root`; None where that is not seen from here.

    It is not where the engine is on another machine, has a mount namespace of its own (as rootless ones have) or does
    without mounts: then nothing is there, or nothing in it, or owners are other users than inside.
    """
    try:
        if not os.path.ismount(root):
            return None
        found = _Mounted(root)
        found.of("", follow=False)
    except (OSError, BackendError):
        return None
    return found


def exported(tar: tarfile.TarFile) -> Owners:
    """Of a container whose files are all in `tar`."""
    ids: dict[str, tuple[int, int]] = {}
    links: dict[str, str] = {}
    for entry in tar:
        name = entry.name.strip("/")
        if entry.uid or entry.gid:
            ids[name] = entry.uid, entry.gid
        if entry.issym():
            links[name] = entry.linkname
    return _Exported(ids, links)


@dataclass(frozen=True, slots=True)
class _Mounted:
    """Looked up when asked, never outside of `root`, whatever links the image has."""

    root: str

    def of(self, path: str, *, follow: bool) -> tuple[int, int]:
        """See `Owners`. Raises `BackendError`: it is not there any more."""
        try:
            top = os.open(self.root, _NAMED | os.O_DIRECTORY)
            try:
                flags = _NAMED if follow else _NAMED | os.O_NOFOLLOW
                fd = open_below(top, path.strip("/") or ".", flags, links="in root")
            finally:
                os.close(top)
        except OSError as error:
            raise BackendError(f"/{path.strip('/')} changed while it was copied: {error.strerror}") from None
        try:
            found = os.fstat(fd)
        finally:
            os.close(fd)
        return found.st_uid, found.st_gid


@dataclass(frozen=True, slots=True)
class _Exported:
    """Numbers of what is not root's, and where links lead, by path without slashes around it."""

    ids: Mapping[str, tuple[int, int]]
    links: Mapping[str, str]

    def of(self, path: str, *, follow: bool) -> tuple[int, int]:
        """See `Owners`."""
        return self.ids.get(self._resolved(path, follow), (0, 0))

    def _resolved(self, path: str, follow: bool) -> str:
        waiting = _parts(path)[::-1]
        done: list[str] = []
        followed = 0
        while waiting:
            part = waiting.pop()
            if part == "..":
                del done[-1:]
                continue
            done.append(part)
            link = self.links.get("/".join(done)) if waiting or follow else None
            if link is not None and followed < _MOST_LINKS:
                followed += 1
                done = [] if link.startswith("/") else done[:-1]
                waiting += _parts(link)[::-1]
        return "/".join(done)


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]
