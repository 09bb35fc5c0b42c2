"""A version as its readers see it: a stack of deltas, looked up from the top, as an overlay file system does it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from intermodal.storage.volumes.entries import ROOT, Delta, Directory, Entry, Gone

__all__ = ["Stack"]


class Stack:
    """Deltas, the newest first. What a look-up costs depends on how many there are, not on how large the volume is."""

    def __init__(self, deltas: Sequence[Delta] = ()) -> None:
        self.deltas = tuple(deltas)

    def lookup(self, path: str) -> Entry | None:
        """What is at `path`; None where nothing is."""
        for delta in self.deltas:
            place = delta.get(path)
            if place is not None:
                return None if isinstance(place, Gone) else _shown(place)
            if delta.hides(path):
                return None
        return None if path else ROOT

    def children(self, path: str) -> dict[str, Entry]:
        """What is directly within the directory `path`, by name; nothing for what is no directory."""
        found: dict[str, Entry | Gone] = {}
        for delta in self.deltas:
            here = delta.get(path)
            if here is None:
                if delta.hides(path):
                    break
                continue
            if not isinstance(here, Directory):
                break
            for name in delta.names(path):
                place = delta.get(f"{path}/{name}" if path else name)
                if place is not None:
                    found.setdefault(name, place)
            if here.opaque:
                break
        return {name: _shown(place) for name, place in sorted(found.items()) if not isinstance(place, Gone)}

    def walk(self, path: str = "") -> Iterator[tuple[str, Entry]]:
        """Everything below `path`, a directory before what is in it."""
        pending = [path]
        while pending:
            here = pending.pop()
            for name, entry in self.children(here).items():
                child = f"{here}/{name}" if here else name
                yield child, entry
                if isinstance(entry, Directory):
                    pending.append(child)


def _shown(entry: Entry) -> Entry:
    """What lies below a delta is nothing that readers see."""
    return entry._replace(opaque=False) if isinstance(entry, Directory) and entry.opaque else entry
