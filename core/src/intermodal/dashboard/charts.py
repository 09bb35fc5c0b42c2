"""Charts of values over time, as geometry that the macro `chart` draws: no script is needed to look at one."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["Chart", "Column", "Drawn", "Line", "chart"]

#: Height of the drawing; its width is one for each value. The sheet stretches both.
_HEIGHT = 100.0


@dataclass(frozen=True, slots=True)
class Line:
    """Values in order of time, None where there is none. `tone` is the number of its colour, or "bad"."""

    name: str
    values: Sequence[float | None]
    tone: str = "1"


@dataclass(frozen=True, slots=True)
class Column:
    """What is shown of one moment: `x` is where, `bars` are (tone, y, height), `text` is all of it in words."""

    x: int
    bars: Sequence[tuple[str, float, float]]
    text: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """`paths` are (tone, path data); `legend` is (tone, name, newest value); `top` and `low`
    are what the edges mean."""

    title: str
    width: int
    paths: Sequence[tuple[str, str]]
    columns: Sequence[Column]
    legend: Sequence[tuple[str, str, str]]
    top: str
    low: str
    since: float
    until: float
    empty: bool


@dataclass(frozen=True, slots=True)
class Chart:
    """What is to be drawn.

    Attributes:
        show: a value in words.
        since: Unix seconds at the beginning of the first value.
        step_s: seconds from one to the next.
        bars: each value is a bar, on top of those of the lines before; else lines go through them.
    """

    title: str
    show: Callable[[float], str]
    since: float
    step_s: float
    lines: Sequence[Line]
    bars: bool = False


def chart(wanted: Chart, when: Callable[[float], str]) -> Drawn:
    """Its geometry; `when` says a moment in words."""
    count = max((len(line.values) for line in wanted.lines), default=0)
    moments = _moments(wanted, count)
    top = _nice(max((sum(values) if wanted.bars else max(values) for values in moments), default=0.0))
    least = min(map(min, moments), default=0.0)
    low = 0.0 if wanted.bars or least >= 0 else -_nice(-least)
    columns = [_column(wanted, place, top, when) for place in range(count)]
    paths = [] if wanted.bars else [(line.tone, _path(line.values, top, low)) for line in wanted.lines]
    newest = [next((value for value in reversed(line.values) if value is not None), None) for line in wanted.lines]
    legend = [
        (line.tone, line.name, "–" if value is None else wanted.show(value))
        for line, value in zip(wanted.lines, newest, strict=True)
    ]
    until = wanted.since + count * wanted.step_s
    empty = all(not value for line in wanted.lines for value in line.values)
    return Drawn(
        wanted.title,
        count,
        paths,
        columns,
        legend,
        wanted.show(top),
        wanted.show(low) if low else "",
        wanted.since,
        until,
        empty,
    )


def _moments(wanted: Chart, count: int) -> list[list[float]]:
    """The values of each moment that has any."""
    found = [[value for line in wanted.lines if (value := line.values[place]) is not None] for place in range(count)]
    return [values for values in found if values]


def _nice(most: float) -> float:
    """The least of 1, 2, 5, 10, 20, … (or 0.5, 0.2, …) that is not exceeded."""
    if most < 1e-9:
        return 1.0
    most = min(most, sys.float_info.max)
    size = 10.0 ** math.floor(math.log10(most))
    return min(next(size * factor for factor in (1, 2, 5, 10, 20) if size * factor >= most), sys.float_info.max)


def _column(wanted: Chart, place: int, top: float, when: Callable[[float], str]) -> Column:
    bars, base, words = [], 0.0, [when(wanted.since + place * wanted.step_s)]
    for line in wanted.lines:
        value = line.values[place]
        if value is None:
            continue
        words.append(f"{line.name} {wanted.show(value)}")
        if wanted.bars and value > 0:
            height = value / top * _HEIGHT
            bars.append((line.tone, round(_HEIGHT - base - height, 2), round(height, 2)))
            base += height
    return Column(place, bars, "\n".join(words))


def _path(values: Sequence[float | None], top: float, low: float) -> str:
    """A line with a gap where there is no value; one alone is a short dash."""
    parts, pen_down = [], False
    for place, value in enumerate(values):
        if value is not None:
            y = round((top / 2 - value / 2) / (top / 2 - low / 2) * _HEIGHT, 2)  # halves: the span may be no number
            parts.append(f"L{place + 0.5} {y}" if pen_down else f"M{place + 0.1} {y}L{place + 0.5} {y}")
            alone = place + 1 == len(values) or values[place + 1] is None
            if alone:
                parts.append(f"L{place + 0.9} {y}")
        pen_down = value is not None
    return "".join(parts)
