"""So many sets of labels, and no more: names that programs make up must not fill the memory of who counts."""

from __future__ import annotations

import threading

__all__ = ["OTHER", "Bounded"]

#: What stands for all that came too late.
OTHER = "(other)"


class Bounded:
    """The first `most` tuples are themselves, later ones a tuple of `OTHER`. Thread-safe."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[tuple[str, ...]] = set()
        self._lock = threading.Lock()

    def __call__(self, *names: str) -> tuple[str, ...]:
        """The labels to use for these."""
        names = tuple(name.encode("utf-8", "replace").decode() for name in names)
        with self._lock:
            if names not in self._known:
                if len(self._known) >= self._most:
                    return (OTHER,) * len(names)
                self._known.add(names)
        return names
