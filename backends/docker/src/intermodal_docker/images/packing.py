"""Tar archives of what a build's containers are shown, and of what images keep."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

from intermodal.plugins import Blobs
from intermodal.plugins.building import StepRefused, StepRun
from intermodal.specs import CopyFiles, FileTree

__all__ = ["pack_copy", "pack_kit", "pack_nothing", "pack_tree"]

_MOST_BYTES = 64 << 20


class _Archive:
    def __init__(self) -> None:
        self._buffer = io.BytesIO()
        self._tar = tarfile.TarFile(fileobj=self._buffer, mode="w", format=tarfile.PAX_FORMAT)
        self._now = time.time()

    @property
    def size(self) -> int:
        return self._buffer.tell()

    def add(self, name: str, source: Path | bytes, mode: int) -> None:
        entry = tarfile.TarInfo(name.lstrip("/"))
        entry.mode, entry.mtime = mode, self._now
        if isinstance(source, bytes):
            entry.size = len(source)
            self._tar.addfile(entry, io.BytesIO(source))
            return
        with source.open("rb") as file:
            entry.size = os.fstat(file.fileno()).st_size
            self._tar.addfile(entry, file)

    def directory(self, name: str) -> None:
        entry = tarfile.TarInfo(name.lstrip("/"))
        entry.type, entry.mode, entry.mtime = tarfile.DIRTYPE, 0o755, self._now
        self._tar.addfile(entry)

    def done(self) -> bytes:
        # Podman's reader leaves at the two blocks that end an archive, and fails when more comes: no padding follows.
        end = self._tar.offset + 2 * tarfile.BLOCKSIZE
        self._tar.close()
        self._buffer.truncate(end)
        return self._buffer.getvalue()


def pack_nothing() -> bytes:
    """The root of an empty image."""
    return _Archive().done()


def pack_kit(run: StepRun) -> bytes:
    """All that `run` is shown, from the root."""
    archive = _Archive()
    for target, data in run.files.items():
        archive.add(target, data, 0o644)
    for target, source in run.mounts.items():
        if source.is_dir():
            archive.directory(target)
        for name, path in _files(source):
            archive.add(f"{target}/{name}" if name else target, path, 0o755 if os.access(path, os.X_OK) else 0o644)
    return archive.done()


def pack_tree(tree: FileTree, target: str, blobs: Blobs) -> Iterator[bytes]:
    """The files of `tree` below the directory `target`, from the root, in pieces of bounded size.

    Directories on the way are not in the archives: what is there already stays as it is, links included.
    Raises `StepRefused`.
    """
    archive = _Archive()
    for entry in tree.entries:
        name = f"{target}/{entry.path}" if entry.path else target
        if "\0" in name or {"", ".", ".."} & set(name.strip("/").split("/")):
            raise StepRefused(f"the file name {entry.path!r} leads out of its tree or names nothing")
        try:
            source = blobs.path(entry.blob)
        except KeyError:
            raise StepRefused(f"the content of {name!r} ({entry.blob[:12]}) is not there") from None
        archive.add(name, source, entry.mode & 0o7777)
        if archive.size > _MOST_BYTES:
            yield archive.done()
            archive = _Archive()
    yield archive.done()


def pack_copy(step: CopyFiles, blobs: Blobs) -> Iterator[bytes]:
    """The files of a copying step, from the root. Raises `StepRefused`."""
    if not step.target.startswith("/") or ".." in step.target.split("/"):
        raise StepRefused(f"the target {step.target!r} is not an absolute path without '..'")
    if not step.target.strip("/") and step.tree.is_file:
        raise StepRefused("the target '/' is a directory, and a file was to be copied there: name the file too")
    yield from pack_tree(step.tree, "/".join(["", *filter(None, step.target.split("/"))]), blobs)


def _files(source: Path) -> Iterator[tuple[str, Path]]:
    if not source.is_dir():
        yield "", source
        return
    for folder, names, files in os.walk(source, followlinks=True):
        names[:] = [name for name in names if name != "__pycache__"]
        for file in files:
            path = Path(folder, file)
            if path.is_file():
                yield str(path.relative_to(source)), path
