"""Copying steps written into a layer: no container is needed for them."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from intermodal.plugins import Blobs
from intermodal.plugins.building import (
    Member,
    StepRefused,
    archive_members,
    chosen,
    owner_ids,
    pattern_parts,
    tree_members,
)
from intermodal.specs import AddArchive, CopyFiles, CopyFrom, FileTree
from intermodal_local.images.view import Place, StackView

__all__ = ["LayerWriter", "view_members", "write_tree"]

#: What is mounted over in every container.
_NOT_KEPT = ("/dev", "/proc", "/sys", "/opt/intermodal")
_PIECE = 1 << 20


def write_tree(tree: FileTree, target: Path, blobs: Blobs) -> None:
    """Write a whole tree below the new directory `target`. Raises `StepRefused`, `OSError`."""
    target.mkdir(parents=True)
    for member in tree_members(tree, blobs):
        path = target / member.path
        path.parent.mkdir(parents=True, exist_ok=True)
        if member.kind == "directory":
            path.mkdir(exist_ok=True)
        elif member.kind == "link":
            path.symlink_to(member.link)
        else:
            _fill(path, member)


class LayerWriter:
    """Writes copying steps into `layer`, over what the layers below it show (`lowers`, as of `StackView`)."""

    def __init__(self, layer: Path, view: StackView) -> None:
        self._layer = layer
        # What is written is seen by what is written after it: a link of an archive leads where it would in the image.
        self._view = view.over(layer)

    def files(self, step: CopyFiles, blobs: Blobs) -> None:
        """Raises `StepRefused`, `OSError`."""
        target = _checked(step.target)
        if step.into and self._is_directory(target):
            target = f"{target}/{step.into}"
        uid, gid = self._owner(step.owner)
        members = (replace(member, uid=uid, gid=gid) for member in tree_members(step.tree, blobs))
        self._write(members, target, (uid, gid), into=not step.tree.is_file)

    def archive(self, step: AddArchive, blobs: Blobs) -> None:
        """Raises `StepRefused`, `OSError`."""
        owner = self._owner(step.owner)
        members = (member for member in archive_members(blobs.path(step.archive), step.name) if member.path)
        self._write(members, _checked(step.target), owner, into=True)

    def image(self, step: CopyFrom, source: StackView) -> None:
        """From the image that `source` shows. Raises `StepRefused`, `OSError`."""
        for path in step.paths:
            members = list(chosen(step, path, view_members(source, pattern_parts(path)[0])))
            if not members:
                raise StepRefused(f"there is no {path} in the image that is copied from, or nothing in it")
            alone = members[0].path == "" and members[0].kind != "directory"
            target = _checked(step.target)
            if alone and (not target or self._is_directory(target)):
                target = f"{target}/{os.path.basename(path)}"
            self._write(self._owned(members, step.owner), target, self._owner(step.owner), into=not alone)

    def _owned(self, members: Iterable[Member], owner: str) -> Iterator[Member]:
        uid, gid = self._owner(owner)
        for member in members:
            yield replace(member, uid=uid, gid=gid) if owner else member

    def _owner(self, owner: str) -> tuple[int, int]:
        return owner_ids(owner, self._text)

    def _text(self, path: str) -> str:
        found = self._view.find(self._view.resolve(path))
        return "" if found is None else Path(found).read_text(errors="replace")

    def _is_directory(self, path: str) -> bool:
        found = self._view.find(self._view.resolve(path))
        return found is not None and stat.S_ISDIR(os.lstat(found).st_mode)

    def _write(self, members: Iterable[Member], target: str, owner: tuple[int, int], *, into: bool) -> None:
        """`into`: the target is a directory, which is made where there is none."""
        if into:
            self._directory(self._view.resolve(target or "/"), owner)
        for member in members:
            path = f"{target}/{member.path}" if member.path else target
            if member.path:
                self._one(member, path, target, (0, 0))
            else:
                self._one(member, path, target, owner)

    def _one(self, member: Member, path: str, target: str, owner: tuple[int, int]) -> None:
        parent, _, name = path.rpartition("/")
        if not name:
            raise StepRefused("the target '/' is a directory, and a file was to be copied there: name the file too")
        above = self._view.resolve(parent or "/")
        here = above.child(name)
        seen = self._view.find(here)
        is_directory = seen is not None and stat.S_ISDIR(os.lstat(seen).st_mode)
        if member.kind == "directory":
            self._made_directory(member, self._view.resolve(path))
            return
        if is_directory:
            raise StepRefused(
                f"{path} is a directory in the image, and a file was to be copied there: name the file too"
            )
        self._directory(above, owner)
        place = self._layer / above.part / Path(*above.inside, name)
        if os.path.lexists(place):
            place.unlink()
        if member.kind == "link":
            place.symlink_to(member.link)
        elif member.kind == "hardlink":
            self._hard_link(f"{target}/{member.link}" if member.link else target, place)
            return
        else:
            _fill(place, member)
        _own(place, member)
        if member.kind == "file":
            place.chmod(member.mode)
        if member.mtime is not None:
            os.utime(place, (member.mtime, member.mtime), follow_symlinks=False)

    def _hard_link(self, existing: str, place: Path) -> None:
        found = self._view.find(self._view.resolve(existing))
        if found is None or not found.startswith(f"{self._layer}/"):
            raise StepRefused(f"{place.name} is a hard link to {existing}, which is not copied with it")
        os.link(found, place, follow_symlinks=False)

    def _made_directory(self, member: Member, place: Place) -> None:
        self._directory(place, (0, 0))
        path = self._layer / place.part / Path(*place.inside)
        _own(path, member)
        path.chmod(member.mode)

    def _directory(self, place: Place, owner: tuple[int, int]) -> None:
        """Have `place` as a directory in the layer, its parents too; each looks as the one that it lies over, and new
        ones are the owner's."""
        for depth in range(len(place.inside) + 1):
            here = Place(place.part, place.inside[:depth])
            path = self._layer / here.part / Path(*here.inside)
            seen = self._view.find(here)
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
            elif owner != (0, 0):
                _own(path, Member(path=here.path, kind="directory", uid=owner[0], gid=owner[1]))


def view_members(view: StackView, path: str) -> Iterator[Member]:
    """What a stack shows at `path`, links on the way followed, and what is below it. Raises `StepRefused`."""
    place = view.resolve(path)
    if view.find(place) is None:
        raise StepRefused(f"there is no {path} in the image that is copied from")
    seen: dict[tuple[int, int], str] = {}
    for name, found in view.walk(place):
        info = os.lstat(found)
        uid, gid = _inside_ids(info, name or path)
        common: Callable[..., Member] = partial(
            Member, path=name, mode=stat.S_IMODE(info.st_mode), uid=uid, gid=gid, mtime=info.st_mtime
        )
        if stat.S_ISDIR(info.st_mode):
            yield common(kind="directory")
        elif stat.S_ISLNK(info.st_mode):
            yield common(kind="link", link=os.readlink(found))
        elif stat.S_ISREG(info.st_mode):
            first = seen.setdefault((info.st_dev, info.st_ino), name) if info.st_nlink > 1 else name
            if first != name:
                yield common(kind="hardlink", link=first)
            else:
                yield common(size=info.st_size, read=partial(_pieces, found))


def _inside_ids(info: os.stat_result, name: str) -> tuple[int, int]:
    """The owner as the image has it: an ordinary user's own files are root's inside."""
    if os.geteuid() == 0:
        return info.st_uid, info.st_gid
    if info.st_uid in (0, os.geteuid()):
        return 0, 0
    raise StepRefused(f"{name} belongs to another user of the image, whom only root can copy: give --chown=root")


def _own(path: Path, member: Member) -> None:
    if os.geteuid() == 0:
        os.chown(path, member.uid, member.gid, follow_symlinks=False)
    elif (member.uid, member.gid) != (0, 0):
        raise StepRefused(f"only root can give {member.path or path.name} to {member.uid}:{member.gid}: remove --chown")


def _checked(target: str) -> str:
    if not target.startswith("/") or ".." in target.split("/"):
        raise StepRefused(f"the target {target!r} is not an absolute path without '..'")
    if f"{target}/".startswith(tuple(f"{place}/" for place in _NOT_KEPT)):
        raise StepRefused(f"what lies at {target} is not kept in an image: choose another target")
    return "".join(f"/{part}" for part in target.split("/") if part)


def _fill(path: Path, member: Member) -> None:
    with open(path, "wb") as file:
        for piece in member.read():
            file.write(piece)
    path.chmod(member.mode)


def _pieces(path: str) -> Iterator[bytes]:
    with open(path, "rb") as file:
        while piece := file.read(_PIECE):
            yield piece
