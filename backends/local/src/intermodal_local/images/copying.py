"""Files of the definition written into a layer: no container is needed for it."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from intermodal.plugins import Blobs
from intermodal.plugins.building import StepRefused
from intermodal.specs import CopyFiles, FileEntry, FileTree
from intermodal_local.images.view import Place, StackView

__all__ = ["copy_files", "write_tree"]

#: What is mounted over in every container.
_NOT_KEPT = ("/dev", "/proc", "/sys", "/opt/intermodal")


def copy_files(step: CopyFiles, layer: Path, view: StackView, blobs: Blobs) -> None:
    """Write the files of `step` into `layer`, over what `view` shows. Raises `StepRefused`, `OSError`."""
    if not step.target.startswith("/") or ".." in step.target.split("/"):
        raise StepRefused(f"the target {step.target!r} is not an absolute path without '..'")
    if f"{step.target}/".startswith(tuple(f"{place}/" for place in _NOT_KEPT)):
        raise StepRefused(f"what lies at {step.target} is not kept in an image: choose another target")
    if step.tree.is_file:
        _copy_entry(step.tree.entries[0], step.target, layer, view, blobs)
        return
    _directory(view.resolve(step.target), layer, view)
    for entry in step.tree.entries:
        _checked(entry)
        _copy_entry(entry, f"{step.target}/{entry.path}", layer, view, blobs)


def write_tree(tree: FileTree, target: Path, blobs: Blobs) -> None:
    """Write a whole tree below the new directory `target`. Raises `StepRefused`, `OSError`."""
    target.mkdir(parents=True)
    for entry in tree.entries:
        _checked(entry)
        path = target / entry.path
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(entry, path, blobs)


def _checked(entry: FileEntry) -> None:
    names = entry.path.split("/")
    if "\0" in entry.path or any(name in ("", ".", "..") for name in names):
        raise StepRefused(f"the file name {entry.path!r} leads out of its tree or names nothing")


def _copy_entry(entry: FileEntry, target: str, layer: Path, view: StackView, blobs: Blobs) -> None:
    parent, _, name = target.rstrip("/").rpartition("/")
    if not name:
        raise StepRefused("the target '/' is a directory, and a file was to be copied there: name the file too")
    above = view.resolve(parent)
    seen = view.find(above.child(name))
    if seen is not None and os.path.isdir(seen) and not os.path.islink(seen):
        raise StepRefused(f"{target} is a directory in the image, and a file was to be copied there: name the file too")
    _directory(above, layer, view)
    _write(entry, layer / above.part / Path(*above.inside, name), blobs)


def _directory(place: Place, layer: Path, view: StackView) -> None:
    """Have `place` as a directory in the layer, its parents too; each looks as the one that it lies over."""
    for depth in range(len(place.inside) + 1):
        here = Place(place.part, place.inside[:depth])
        path = layer / here.part / Path(*here.inside)
        seen = view.find(here)
        if seen is not None and not stat.S_ISDIR(os.lstat(seen).st_mode):
            raise StepRefused(f"{here.path} is a file in the image, and a directory was to be there")
        if path.is_dir():
            continue
        path.mkdir()
        path.chmod(0o755)
        if seen is not None:
            info = os.stat(seen)
            if os.geteuid() == 0:
                os.chown(path, info.st_uid, info.st_gid)
            path.chmod(stat.S_IMODE(info.st_mode))


def _write(entry: FileEntry, path: Path, blobs: Blobs) -> None:
    try:
        source = blobs.path(entry.blob)
    except KeyError:
        raise StepRefused(f"the content of {entry.path or path.name!r} ({entry.blob[:12]}) is not there") from None
    if path.exists():
        path.unlink()
    shutil.copyfile(source, path)
    path.chmod(entry.mode & 0o7777)
