"""`GET /v1/metrics`: what programs have measured, for charts."""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import asdict
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from intermodal.exception import InvalidError
from intermodal.server.admission import Admission
from intermodal.server.metrics.series import Point, SeriesStore, Span

__all__ = ["series_route"]

_KNOWN = {"app", "environment", "name", "since", "until", "points"}
_HOUR, _POINTS, _MOST_POINTS = 3600.0, 100, 2000


def series_route(store: SeriesStore, admission: Admission, environment: str) -> Route:
    """The route. `environment` is that of questions that name none."""

    async def metrics(request: Request) -> JSONResponse:
        refused = await admission.refused(request)
        if refused is not None:
            return refused
        try:
            return JSONResponse(await run_in_threadpool(_answer, store, request.query_params, environment))
        except InvalidError as error:
            return JSONResponse({"error": "InvalidError", "message": str(error)}, 400)

    return Route("/v1/metrics", metrics)


def _answer(store: SeriesStore, values: QueryParams, environment: str) -> dict[str, Any]:
    unknown = sorted(set(values) - _KNOWN)
    if unknown or not values.get("app"):
        raise InvalidError(f"give app, and perhaps of {', '.join(sorted(_KNOWN))}; {unknown} is not known")
    of = values.get("environment") or environment, values["app"]
    if not values.get("name"):
        return {"series": [asdict(series) for series in store.series(*of)]}
    span = _span(values)
    found: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for point in store.points(*of, values["name"], span):
        found[point.function, point.unit].append(point)
    series = [
        {"function": function, "unit": unit, "points": [_point(point) for point in points]}
        for (function, unit), points in found.items()
    ]
    return {"since": span.since, "until": span.until, "step": span.step, "series": series}


def _point(point: Point) -> dict[str, float]:
    return {
        "at": point.at,
        "mean": point.mean,
        "least": point.least,
        "greatest": point.greatest,
        "count": point.count,
    }


def _span(values: QueryParams) -> Span:
    try:
        until = float(values.get("until") or time.time())
        span = Span(float(values.get("since") or until - _HOUR), until, int(values.get("points") or _POINTS))
    except ValueError:
        raise InvalidError("since and until are Unix seconds, points is a whole number") from None
    if not (0 <= span.since < span.until < 1e12 and 1 <= span.points <= _MOST_POINTS):
        raise InvalidError(f"since is to be before until, and points from 1 to {_MOST_POINTS}")
    return span
