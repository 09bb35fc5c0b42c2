"""How a commit meets what others have committed meanwhile: by path, and the last writer wins (volume.commit)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from intermodal.storage.volumes.entries import GONE, Changes, Delta, Directory, Entry, File, Gone, Link, Place, same
from intermodal.storage.volumes.paths import ancestors
from intermodal.storage.volumes.stack import Stack

__all__ = ["Known", "Published", "publish"]


@dataclass
class Known:
    """What a writer knew of the volume: the version it began with, and what it has committed itself since."""

    base: Stack
    own: dict[str, Entry | None] = field(default_factory=dict)

    def lookup(self, path: str) -> Entry | None:
        """What the writer believes to be at `path`."""
        return self.own[path] if path in self.own else self.base.lookup(path)

    def below(self, path: str) -> list[str]:
        """Every path that the writer believes to be below `path`."""
        inside = f"{path}/" if path else ""
        found = {each for each, _ in self.base.walk(path) if self.lookup(each) is not None}
        return sorted(
            found | {each for each, entry in self.own.items() if entry is not None and each.startswith(inside)}
        )

    def learn(self, changes: Changes) -> None:
        """The writer has committed this."""
        self.own.update(changes)


@dataclass(frozen=True)
class Published:
    """The delta that puts a writer's changes on top of the head; empty where they are there already. `lost` are the
    paths where this overwrote or removed what another had written and the writer never saw."""

    delta: Delta
    lost: tuple[str, ...] = ()


_Places: TypeAlias = dict[str, Place]


def publish(head: Stack, known: Known, changes: Changes) -> Published:
    """What to put on top of `head`.

    A removed directory stays while it holds what its remover did not know. A directory whose time alone has changed
    keeps the mode that others gave it, and does not come back where they removed it.
    """
    merge = _Merge(head, known)
    for path in sorted((path for path, entry in changes.items() if entry is None), key=_depth, reverse=True):
        merge.remove(path)
    for path, entry in sorted((item for item in changes.items() if item[1] is not None), key=_by_depth):
        merge.put(path, entry)
    return Published(Delta(merge.finished()), tuple(sorted(merge.lost)))


class _Merge:
    def __init__(self, head: Stack, known: Known) -> None:
        self._head, self._known = head, known
        self._places: _Places = {}
        self.lost: set[str] = set()

    def remove(self, path: str) -> None:
        was = self._head.lookup(path)
        if was is None:
            return
        if isinstance(was, Directory) and any(self._places.get(inside) != GONE for inside in self._names(path)):
            return
        self._overwrites(path, was, None)
        self._places[path] = GONE

    def put(self, path: str, entry: Entry | None) -> None:
        was = self._now(path)
        if isinstance(entry, Directory):
            self._put_directory(path, entry, was)
        elif entry is not None and was != entry:
            self._put_leaf(path, entry, was)

    def _put_directory(self, path: str, entry: Directory, was: Entry | None) -> None:
        before = self._known.lookup(path)
        touched = isinstance(before, Directory) and before.mode == entry.mode
        if isinstance(was, Directory):
            entry = entry._replace(mode=was.mode) if touched else entry
            if was == entry:
                return
        elif touched:
            return  # others removed it, or made it a file: if something is put into it, it comes back
        if not touched:
            self._overwrites(path, was, entry)
        self._above(path)
        self._places[path] = entry

    def _put_leaf(self, path: str, entry: File | Link, was: Entry | None) -> None:
        self._overwrites(path, was, entry)
        if isinstance(was, Directory):
            for below, there in self._head.walk(path):
                if self._places.pop(below, None) != GONE:
                    self._overwrites(below, there, None)
        self._above(path)
        self._places[path] = entry

    def _above(self, path: str) -> None:
        """Everything above `path` has to be a directory."""
        for above in ancestors(path):
            now = self._now(above)
            if not isinstance(now, Directory):
                before = self._known.lookup(above)
                new = before if isinstance(before, Directory) else Directory()
                self._overwrites(above, now, new)
                self._places[above] = new

    def finished(self) -> _Places:
        """The places, with the directories above them as the head has them, and nothing below what is gone."""
        places: _Places = {}
        for path, place in sorted(self._places.items(), key=_by_depth):
            if isinstance(place, Gone) and any(isinstance(self._places.get(above), Gone) for above in ancestors(path)):
                continue
            for above in ancestors(path):
                if above not in places:
                    now = self._now(above)
                    assert isinstance(now, Directory), f"{above!r} is above {path!r}"
                    places[above] = now
            places[path] = place
        return places

    def _now(self, path: str) -> Entry | None:
        place = self._places.get(path)
        if place is not None:
            return None if isinstance(place, Gone) else place
        if any(not isinstance(self._places.get(above, Directory()), Directory) for above in ancestors(path)):
            return None
        return self._head.lookup(path)

    def _names(self, path: str) -> list[str]:
        return [f"{path}/{name}" if path else name for name in self._head.children(path)]

    def _overwrites(self, path: str, was: Entry | None, new: Entry | None) -> None:
        if was is not None and not same(was, new) and not same(was, self._known.lookup(path)):
            self.lost.add(path)


def _depth(path: str) -> int:
    return path.count("/") + bool(path)


def _by_depth(item: tuple[str, object]) -> tuple[int, str]:
    return _depth(item[0]), item[0]
