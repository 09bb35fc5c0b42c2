"""What copying steps put into a layer: files of the context, of other images, of archives."""

from __future__ import annotations

import contextlib
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import replace

from intermodal.exception import BackendError
from intermodal.plugins import Blobs
from intermodal.plugins.building import (
    Member,
    StepRefused,
    archive_members,
    chosen,
    owner_ids,
    pattern_parts,
    stream_members,
    tree_members,
)
from intermodal.specs import AddArchive, CopyFiles, CopyFrom
from intermodal_docker.archives import pack
from intermodal_docker.engine import NotThere
from intermodal_docker.images.box import Box
from intermodal_docker.images.packing import check_target

__all__ = ["add_archive", "copy_files", "copy_from", "is_there", "members_at"]

_MOST_LINKS = 40
#: What an engine puts into each container's root.
_NOT_THE_IMAGES = ("dev/", "proc/", "sys/", ".dockerenv", "run/.containerenv")


def copy_files(step: CopyFiles, box: Box, blobs: Blobs) -> None:
    """Raises `StepRefused`, `BackendError`."""
    target = check_target(step.target, file=step.tree.is_file)
    if step.into and is_directory(box, target):
        target = f"{target}/{step.into}"
    uid, gid = _owner(box, step.owner)
    members = (replace(member, uid=uid, gid=gid) for member in tree_members(step.tree, blobs))
    _put(box, members, target, (uid, gid), into=not step.tree.is_file)


def copy_from(step: CopyFrom, box: Box, other: Box) -> None:
    """From the image of `other`. Raises `StepRefused`, `BackendError`."""
    target = check_target(step.target, file=False)
    owner = _owner(box, step.owner)
    for path in step.paths:
        members: Iterator[Member] = _some(chosen(step, path, members_at(other, pattern_parts(path)[0])), path)
        if step.owner:
            members = (replace(member, uid=owner[0], gid=owner[1]) for member in members)
        first = next(members)
        alone = first.path == "" and first.kind != "directory"
        place = target
        if alone and (not target.strip("/") or is_directory(box, target)):
            place = f"{target}/{posixpath.basename(path)}"
        _put(box, _again(first, members), place, owner, into=not alone)


def add_archive(step: AddArchive, box: Box, blobs: Blobs) -> None:
    """Raises `StepRefused`, `BackendError`."""
    target = check_target(step.target, file=False)
    owner = _owner(box, step.owner)
    members = archive_members(blobs.path(step.archive), step.name)
    _put(box, (member for member in members if member.path), target, owner, into=True)


def members_at(box: Box, path: str) -> Iterator[Member]:
    """What the image of `box` has at `path`, links on the way followed, and what is below it. Raises `StepRefused`."""
    found, members = _found(box, path)
    owners = box.owners()
    for member in members:
        if owners is not None:
            uid, gid = owners.of(f"{found}/{member.path}", follow=not member.path)
            member = replace(member, uid=uid, gid=gid)
        yield member


def is_directory(box: Box, path: str) -> bool:
    """Whether the image of `box` has a directory at `path`."""
    first = _first(box, path)
    return first is not None and first.kind == "directory"


def is_there(box: Box, path: str) -> bool:
    """Whether the image of `box` has anything at `path`."""
    return _first(box, path) is not None


def _first(box: Box, path: str) -> Member | None:
    with contextlib.suppress(StepRefused, BackendError):
        return next(_found(box, path)[1], None)
    return None


def _found(box: Box, path: str) -> tuple[str, Iterator[Member]]:
    """Where `path` leads, and what is there, without its owners where the engine's archives do not tell them."""
    for _ in range(_MOST_LINKS):
        try:
            skipped = _NOT_THE_IMAGES if path == "/" else ()
            members = stream_members(box.engine.get_archive(box.id, path), path, skipped)
            first = next(members, None)
        except NotThere:
            raise StepRefused(f"there is no {path} in the image that is copied from") from None
        if first is None:
            return path, iter(())
        if first.kind != "link" or first.path:
            return path, _again(first, members)
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), first.link))
    raise StepRefused(f"{path} leads through too many links in the image that is copied from")


def _put(box: Box, members: Iterable[Member], target: str, owner: tuple[int, int], *, into: bool) -> None:
    """`into`: the target is a directory, which is made where there is none, as those above it are."""
    folders = _missing(box, target if into else posixpath.dirname(target)) if owner != (0, 0) or into else []
    made = [
        Member(path=folder.strip("/"), kind="directory", mode=0o755, uid=owner[0], gid=owner[1]) for folder in folders
    ]
    if made:
        box.put(pack(made))
    box.put(pack(members, target))


def _missing(box: Box, path: str) -> list[str]:
    """The directories on the way to `path`, and itself, that the image has not; the outermost first."""
    found: list[str] = []
    while path.strip("/") and not is_directory(box, path):
        found.insert(0, path)
        path = posixpath.dirname(path)
    return found


def _owner(box: Box, owner: str) -> tuple[int, int]:
    def read(path: str) -> str:
        with contextlib.suppress(StepRefused):
            for member in _found(box, path)[1]:
                return b"".join(member.read()).decode(errors="replace")
        return ""

    return owner_ids(owner, read)


def _some(members: Iterator[Member], path: str) -> Iterator[Member]:
    empty = True
    for member in members:
        empty = False
        yield member
    if empty:
        raise StepRefused(f"there is no {path} in the image that is copied from, or nothing in it")


def _again(first: Member, members: Iterator[Member]) -> Iterator[Member]:
    yield first
    yield from members
