"""Archives of what a build's containers are shown, and of what images keep."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from intermodal.plugins import Blobs
from intermodal.plugins.building import Member, StepRefused, StepRun, tree_members
from intermodal.specs import FileTree
from intermodal_docker.archives import pack

__all__ = ["check_target", "pack_kit", "pack_tree", "shown_files"]

_PIECE = 1 << 20


def pack_kit(run: StepRun) -> Iterator[bytes]:
    """All that `run` is shown below KIT, from the root."""
    return pack(shown_files(run))


def shown_files(run: StepRun) -> Iterator[Member]:
    """The files of `run`, by absolute path."""
    for target, data in run.files.items():
        yield Member(path=target.strip("/"), size=len(data), read=functools.partial(iter, [data]))
    for target, source in run.mounts.items():
        if source.is_dir():
            yield Member(path=target.strip("/"), kind="directory", mode=0o755)
        for name, path in _files(source):
            mode = 0o755 if os.access(path, os.X_OK) else 0o644
            inside = f"{target}/{name}" if name else target
            yield Member(path=inside.strip("/"), mode=mode, size=path.stat().st_size, read=_reader(path))


def pack_tree(tree: FileTree, target: str, blobs: Blobs) -> Iterator[bytes]:
    """The files of `tree` below the directory `target`, from the root. Raises `StepRefused`."""
    return pack(tree_members(tree, blobs), target)


def check_target(target: str, *, file: bool) -> str:
    """The target of a copying step, made plain. Raises `StepRefused`."""
    if not target.startswith("/") or ".." in target.split("/"):
        raise StepRefused(f"the target {target!r} is not an absolute path without '..'")
    if not target.strip("/") and file:
        raise StepRefused("the target '/' is a directory, and a file was to be copied there: name the file too")
    return "/".join(["", *filter(None, target.split("/"))])


def _reader(path: Path) -> Callable[[], Iterator[bytes]]:
    def read() -> Iterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece

    return read


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
