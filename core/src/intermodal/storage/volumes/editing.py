"""What a client does to a volume from outside, as the changes that a writer inside would have made (volume.client)."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence

from intermodal.exception import InvalidError
from intermodal.storage.volumes.entries import Changes, Directory, Entry, File
from intermodal.storage.volumes.paths import ancestors, split
from intermodal.storage.volumes.stack import Stack

__all__ = ["copied", "file_at", "found", "listed", "put", "removed"]


def found(stack: Stack, path: str) -> Entry:
    """What is at `path`. Raises `FileNotFoundError`."""
    entry = stack.lookup(path)
    if entry is None:
        raise _error(FileNotFoundError, errno.ENOENT, path)
    return entry


def file_at(stack: Stack, path: str) -> File:
    """The file at `path`. Raises `FileNotFoundError`, `IsADirectoryError`; `InvalidError` for a symbolic link."""
    entry = found(stack, path)
    if isinstance(entry, Directory):
        raise _error(IsADirectoryError, errno.EISDIR, path)
    if not isinstance(entry, File):
        raise InvalidError(f"{path!r} is a symbolic link to {entry.target!r}: read what it leads to by its own path")
    return entry


def listed(stack: Stack, path: str, *, recursive: bool) -> list[tuple[str, Entry]]:
    """What is in the directory `path`, by path; a file is listed alone. Raises `FileNotFoundError`."""
    entry = found(stack, path)
    if not isinstance(entry, Directory):
        return [(path, entry)]
    if recursive:
        return sorted(stack.walk(path))
    return [(f"{path}/{name}" if path else name, child) for name, child in stack.children(path).items()]


def put(stack: Stack, entries: Mapping[str, Entry], *, force: bool) -> Changes:
    """Put files and directories. Directories that are there already stay as they are.

    Raises `FileExistsError`: something is there, and it is not to be overwritten (`force`); `InvalidError`: what is put
    contradicts itself.
    """
    changes: dict[str, Entry | None] = {}
    for path, entry in entries.items():
        if not path:
            raise InvalidError("a file needs a name in the volume: '/' is the volume's own directory")
        for above in ancestors(path):
            if isinstance(entries.get(above, Directory()), Directory):
                continue
            raise InvalidError(f"{above!r} is uploaded as a file, yet {path!r} lies in it")
        there = stack.lookup(path)
        if isinstance(there, Directory) and isinstance(entry, Directory):
            continue
        if not force:
            blocking = [path, *ancestors(path)]
            if there is not None:
                raise _error(FileExistsError, errno.EEXIST, path)
            for above in blocking[1:]:
                if not isinstance(stack.lookup(above) or Directory(), Directory):
                    raise _error(NotADirectoryError, errno.ENOTDIR, above)
        changes[path] = entry
    return changes


def removed(stack: Stack, path: str, *, recursive: bool) -> Changes:
    """Remove a file, or with `recursive` a directory with all in it.

    Raises `FileNotFoundError`, `IsADirectoryError`.
    """
    entry = found(stack, path)
    if isinstance(entry, Directory) and not recursive:
        raise _error(IsADirectoryError, errno.EISDIR, path)
    gone: list[str] = [below for below, _ in stack.walk(path)] if isinstance(entry, Directory) else []
    return dict.fromkeys([*gone, path] if path else gone)


def copied(stack: Stack, sources: Sequence[str], target: str, *, recursive: bool) -> Changes:
    """Copy as `cp` does: into the directory `target`, or one source to the path `target`.

    Raises `FileNotFoundError`, `NotADirectoryError`, `IsADirectoryError` (a directory without `recursive`).
    """
    into = isinstance(stack.lookup(target), Directory)
    if len(sources) > 1 and not into:
        raise _error(NotADirectoryError, errno.ENOTDIR, target)
    changes: dict[str, Entry | None] = {}
    for source in sources:
        entry = found(stack, source)
        to = (f"{target}/{split(source)[1]}" if target else split(source)[1]) if into else target
        if isinstance(entry, Directory):
            if not recursive:
                raise _error(IsADirectoryError, errno.EISDIR, source)
            if to == source or to.startswith(f"{source}/") or not source:
                raise InvalidError(f"the directory {source!r} cannot be copied into itself")
            changes.update({to + below[len(source) :]: child for below, child in stack.walk(source)})
        changes[to] = entry
    for above in ancestors(target):
        if not isinstance(stack.lookup(above) or Directory(), Directory):
            raise _error(NotADirectoryError, errno.ENOTDIR, above)
    return changes


def _error(kind: type[OSError], number: int, path: str) -> OSError:
    return kind(number, os.strerror(number), f"/{path}")
