"""Which file trees are safe to write to a disk. Trees come from clients: nothing in them is trusted."""

from __future__ import annotations

import os

from intermodal.exception import InvalidError
from intermodal.specs import FileEntry, FileTree
from intermodal.storage.blobs import check_id

__all__ = ["check_tree"]

_LONGEST_NAME = 255  # bytes, on every file system that matters
_LONGEST_PATH = 4000


def check_tree(tree: FileTree) -> None:
    """Raises `InvalidError` naming the first entry that is absolute, climbs out, occurs twice or cannot be a file."""
    if tree.is_file:
        _check_entry(tree.entries[0])
        return
    files: set[str] = set()
    for entry in tree.entries:
        _check_path(entry.path)
        _check_entry(entry)
        if entry.path in files:
            raise _refused(entry.path, "occurs twice")
        files.add(entry.path)
    for path in files:
        for parent in _parents(path):
            if parent in files:
                raise _refused(parent, f"is a file, yet {path!r:.200} lies in it")


def _check_path(path: str) -> None:
    if not isinstance(path, str) or not path:
        raise _refused(path, "is empty; only a tree of one file has an empty path")
    if "\0" in path:
        raise _refused(path, "contains a NUL")
    for name in path.split("/"):
        if name in ("", ".", ".."):
            raise _refused(path, "is absolute, or has a part that is empty, '.' or '..'")
        if len(_encoded(name, path)) > _LONGEST_NAME:
            raise _refused(path, f"has a part longer than {_LONGEST_NAME} bytes")
    if len(_encoded(path, path)) > _LONGEST_PATH:
        raise _refused(path, f"is longer than {_LONGEST_PATH} bytes")


def _check_entry(entry: FileEntry) -> None:
    try:
        check_id(entry.blob)
    except KeyError as error:
        raise _refused(entry.path, str(error.args[0])) from None
    if not 0 <= entry.mode <= 0o7777:
        raise _refused(entry.path, f"has the impossible mode {entry.mode:#o}")


def _encoded(text: str, path: str) -> bytes:
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:
        raise _refused(path, "cannot be a file name here") from None


def _parents(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _refused(path: str, why: str) -> InvalidError:
    return InvalidError(f"this tree of files cannot be laid out: the path {path!r:.200} {why}")
