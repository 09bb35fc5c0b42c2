"""What an action says of itself, kept until the page that comes next shows it. In no URL, so that nobody else can."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

__all__ = ["Note", "Notes"]

_MOST = 1000


@dataclass(frozen=True, slots=True)
class Note:
    """One sentence or so."""

    text: str
    failed: bool


class Notes:
    """On one thread."""

    def __init__(self) -> None:
        self._notes: OrderedDict[str, Note] = OrderedDict()

    def put(self, note: Note) -> str:
        """Its id."""
        id = secrets.token_urlsafe(9)
        self._notes[id] = note
        if len(self._notes) > _MOST:
            self._notes.popitem(last=False)
        return id

    def take(self, id: str) -> Note | None:
        """Once."""
        return self._notes.pop(id, None)
