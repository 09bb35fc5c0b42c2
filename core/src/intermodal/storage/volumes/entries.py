"""What a path of a volume can be, and deltas: the paths that one commit changed, kept as one blob."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from intermodal.exception import BackendError
from intermodal.storage.blobs import check_id
from intermodal.storage.volumes.paths import ancestors, check_path, split

__all__ = ["GONE", "ROOT", "Changes", "Delta", "Directory", "Entry", "File", "Gone", "Link", "Place", "same"]

_FORMAT = 1


class File(NamedTuple):
    """A regular file: the SHA-256 of its bytes, their count, mode bits, and the time of its last change in ns."""

    blob: str
    size: int
    mode: int = 0o644
    mtime: int = 0


class Directory(NamedTuple):
    """A directory. `opaque`: nothing of the deltas below shows through it."""

    mode: int = 0o755
    mtime: int = 0
    opaque: bool = False


class Link(NamedTuple):
    """A symbolic link; its target is never followed here."""

    target: str
    mtime: int = 0


class Gone(NamedTuple):
    """Whatever the deltas below have at this path is no more."""


GONE = Gone()
ROOT = Directory()

Entry: TypeAlias = File | Directory | Link
Place: TypeAlias = Entry | Gone
#: What a writer did: a path's new entry, or None where it removed it.
Changes: TypeAlias = Mapping[str, Entry | None]


def same(one: Entry | None, other: Entry | None) -> bool:
    """Whether nobody who reads them would mind which of the two there is: times apart, they are equal."""
    if isinstance(one, Directory) and isinstance(other, Directory):
        return one.mode == other.mode
    if isinstance(one, File) and isinstance(other, File):
        return one.blob == other.blob and one.mode == other.mode
    if isinstance(one, Link) and isinstance(other, Link):
        return one.target == other.target
    return one is other


class Delta:
    """Places by path. The directories above each path are among them; "" is the volume's own directory. Immutable."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = dict(places)
        self._children: dict[str, list[str]] | None = None

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def get(self, path: str) -> Place | None:
        """What this delta has at `path`; None where it says nothing."""
        return self._places.get(path)

    def items(self) -> Iterator[tuple[str, Place]]:
        """All paths with their places."""
        return iter(self._places.items())

    def names(self, path: str) -> list[str]:
        """The names that this delta has directly within the directory `path`."""
        if self._children is None:
            self._children = {}
            for child in self._places:
                if child:
                    parent, name = split(child)
                    self._children.setdefault(parent, []).append(name)
        return self._children.get(path, [])

    def hides(self, path: str) -> bool:
        """Whether the deltas below cannot have anything at `path`, for what this one has above it."""
        for above in ancestors(path):
            place = self._places.get(above)
            if place is None:
                return False
            if not isinstance(place, Directory) or place.opaque:
                return True
        return False

    def blobs(self) -> set[str]:
        """The blobs of its files."""
        return {place.blob for place in self._places.values() if isinstance(place, File)}

    def encode(self) -> bytes:
        """The blob that keeps it: equal deltas give equal bytes."""
        places = {path: _CODES[type(place)](place) for path, place in sorted(self._places.items())}
        return json.dumps({"format": _FORMAT, "places": places}, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> Delta:
        """Raises `BackendError` where `data` is no delta of a known format."""
        try:
            content = json.loads(data)
            if content["format"] != _FORMAT:
                raise BackendError(f"a volume was written in format {content['format']!r}, by a newer version")
            return cls({check_path(path): _place(value) for path, value in content["places"].items()})
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise BackendError(f"a part of a volume cannot be read: {error!r}") from None


_CODES: Mapping[type, Any] = {
    File: lambda it: ["f", it.blob, it.size, it.mode, it.mtime],
    Directory: lambda it: ["d", it.mode, it.mtime, it.opaque],
    Link: lambda it: ["l", it.target, it.mtime],
    Gone: lambda it: ["g"],
}


def _place(value: list[Any]) -> Place:
    kind, *rest = value
    if kind == "f":
        check_id(rest[0])
        return File(*rest)
    if kind == "d":
        return Directory(*rest)
    if kind == "l":
        return Link(*rest)
    if kind == "g":
        return GONE
    raise ValueError(f"{kind!r} is no kind of place")
