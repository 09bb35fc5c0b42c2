"""Charts of what programs measure: the values of their METRIC lines over time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from intermodal.dashboard.charts import Chart, Drawn, Line, chart
from intermodal.dashboard.named import part_of
from intermodal.dashboard.pages import Ask, Page, Shown
from intermodal.dashboard.rendering import exact
from intermodal.dashboard.traffic import amount
from intermodal.exception import InvalidError
from intermodal.server.metrics import Point, Span

__all__ = ["PAGE"]

#: Spans that can be looked at, in hours, and into how many parts each is cut.
_HOURS = {1: "hour", 6: "6 hours", 24: "day", 168: "week"}
_PARTS = 60
#: Charts at once, and functions in one of them.
_CHARTS, _LINES = 24, 4


async def _show(ask: Ask) -> Shown:
    app, hours = ask.query.get("app", "").strip(), _hours(ask)
    store = ask.overview.series
    if not app:
        apps, page = part_of(ask, await asyncio.to_thread(store.apps, ask.environment))
        return {"app": app, "apps": apps, "page": page}
    series = await asyncio.to_thread(store.series, ask.environment, app)
    names, page = part_of(ask, sorted({(each.name, each.unit) for each in series}), _CHARTS)
    span = _span(ask.now, hours)
    charts = [await asyncio.to_thread(_chart, ask, app, name, unit, span) for name, unit in names]
    return {
        "app": app,
        "charts": charts,
        "page": page,
        "hours": hours,
        "spans": _HOURS,
    }


def _hours(ask: Ask) -> int:
    text = ask.query.get("hours", "1")
    chosen = next((hours for hours in _HOURS if str(hours) == text), None)
    if chosen is None:
        raise InvalidError(f"hours is {text!r:.80}: one of {', '.join(map(str, _HOURS))}")
    return chosen


def _span(now: float, hours: int) -> Span:
    """Until the end of the part that goes on, so that parts stay the same from one look to the next."""
    step = hours * 3600 / _PARTS
    until = (now // step + 1) * step
    return Span(until - step * _PARTS, until, _PARTS)


def _chart(ask: Ask, app: str, name: str, unit: str, span: Span) -> Drawn:
    points = [each for each in ask.overview.series.points(ask.environment, app, name, span) if each.unit == unit]
    functions = sorted({point.function for point in points})[:_LINES]
    lines = [
        Line(function or "app", _values([point for point in points if point.function == function], span), str(tone))
        for tone, function in enumerate(functions, 1)
    ]
    title = f"{name} ({unit})" if unit else name
    empty = [Line(name, [None] * span.points)]
    return chart(Chart(title, _amount, span.since, span.step, lines or empty), exact)


def _values(points: Sequence[Point], span: Span) -> list[float | None]:
    """Means, by part."""
    values: list[float | None] = [None] * span.points
    for point in points:
        values[min(round((point.at - span.since) / span.step), span.points - 1)] = point.mean
    return values


def _amount(value: float) -> str:
    return f"-{amount(-value)}" if value < 0 else amount(value)


PAGE = Page("metrics", "metrics.html", _show, title="Metrics", icon="chart", every_s=5.0)
