"""Paths within a volume: relative, with `/`, "" for the volume's own directory. They come from clients."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator

from intermodal.exception import InvalidError

__all__ = ["ancestors", "check_path", "normal", "split"]

_LONGEST_NAME = 255  # bytes, on every file system that matters
_LONGEST_PATH = 4000


def check_path(path: str) -> str:
    """`path`, if a file can be there. Raises `InvalidError`: it climbs out, or no file system has such a name."""
    if not isinstance(path, str):
        raise InvalidError(f"a path of a volume is text, not {path!r:.100}")
    if not path:
        return path
    if "\0" in path:
        raise _refused(path, "contains a NUL")
    for name in path.split("/"):
        if name in ("", ".", ".."):
            raise _refused(path, "is absolute, or has a part that is empty, '.' or '..'")
        if len(_encoded(name, path)) > _LONGEST_NAME:
            raise _refused(path, f"has a part longer than {_LONGEST_NAME} bytes")
    if len(_encoded(path, path)) > _LONGEST_PATH:
        raise _refused(path, f"is longer than {_LONGEST_PATH} bytes")
    return path


def normal(path: str) -> str:
    """The path that users mean by "/", "a//b", "/a/b/": checked, without slashes at its ends.

    Raises `InvalidError`: see `check_path`. A `..` is refused, not resolved: what it leads to depends on links.
    """
    if not isinstance(path, str):
        raise InvalidError(f"a path of a volume is text, not {path!r:.100}")
    if ".." in path.split("/"):
        raise _refused(path, "has a part '..'")
    return check_path(posixpath.normpath(f"/{path}").lstrip("/"))


def split(path: str) -> tuple[str, str]:
    """The directory above `path`, and its name there."""
    parent, _, name = path.rpartition("/")
    return parent, name


def ancestors(path: str) -> Iterator[str]:
    """The directories above `path`, outermost first, beginning with ""."""
    if path:
        yield ""
        end = path.find("/")
        while end >= 0:
            yield path[:end]
            end = path.find("/", end + 1)


def _encoded(text: str, path: str) -> bytes:
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        raise _refused(path, "cannot be a file name here") from None


def _refused(path: str, why: str) -> InvalidError:
    return InvalidError(f"the path {path!r:.200} of a volume {why}")
