"""What programs print for terminals, as pieces that a page can show: colours stay, all else that steers goes."""

from __future__ import annotations

import re
from collections.abc import Iterator

__all__ = ["pieces"]

#: Sequences that set colours; then the others: of control, of the operating system, and of two characters.
_SEQUENCE = re.compile(
    "\x1b\\[(?P<style>[0-9;:]*)m|\x1b\\[[0-?]*[ -/]*[@-~]|\x1b[\\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\\\)?|\x1b[ -/]*[0-~]"
)
_BOLD, _FAINT, _PLAIN = 1, 2, 22


def pieces(text: str) -> list[tuple[str, str]]:
    """The text in pieces, each with the classes that the sheet has a style for: "bold", "faint", "ink-N" for the
    sixteen colours of terminals."""
    found, style, place = list[tuple[str, str]](), _Style(), 0
    for sequence in _SEQUENCE.finditer(text):
        if sequence.start() > place:
            found.append((style.classes, text[place : sequence.start()]))
        if sequence["style"] is not None:
            style.change(sequence["style"])
        place = sequence.end()
    if place < len(text):
        found.append((style.classes, text[place:]))
    return found


class _Style:
    def __init__(self) -> None:
        self._weight = ""
        self._ink: int | None = None

    @property
    def classes(self) -> str:
        return " ".join(filter(None, (self._weight, "" if self._ink is None else f"ink-{self._ink}")))

    def change(self, codes: str) -> None:
        numbers = iter([int(code) if code.isdecimal() and len(code) < 4 else 0 for code in re.split("[;:]", codes)])
        for number in numbers:
            if number == 0:
                self._weight, self._ink = "", None
            elif number in (_BOLD, _FAINT, _PLAIN):
                self._weight = {_BOLD: "bold", _FAINT: "faint", _PLAIN: ""}[number]
            elif 30 <= number <= 37 or 90 <= number <= 97:
                self._ink = number - 30 if number < 90 else number - 82
            elif number == 39:
                self._ink = None
            elif number in (38, 48):
                _skip_colour(numbers)


def _skip_colour(numbers: Iterator[int]) -> None:
    """Colours of larger palettes were chosen for a ground that is not this page's."""
    for _ in range({5: 1, 2: 3}.get(next(numbers, 0), 0)):
        next(numbers, None)
