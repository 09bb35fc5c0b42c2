"""`GET /v1/logs`: kept lines as JSON, or as they come, as server-sent events."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from intermodal.exception import InvalidError
from intermodal.server.admission import Admission
from intermodal.server.logs.following import Following
from intermodal.server.logs.known import unknown
from intermodal.server.logs.levels import LEVELS
from intermodal.server.logs.records import LogPage, LogQuery, LogRecord
from intermodal.server.logs.store import LogStore

__all__ = ["log_routes"]

_DEFAULT, _MOST = 100, 10_000
_WORDS = ("app", "function", "container", "call", "search")
_KNOWN = {*_WORDS, "environment", "since", "until", "level", "field", "limit", "after", "before"}
#: Ids are 64-bit in SQLite.
_GREATEST = (1 << 63) - 1


def log_routes(
    store: LogStore,
    following: Following,
    admission: Admission,
    environment: str,
    deployed: Callable[[str], Collection[str]],
) -> list[Route]:
    """The routes.

    Args:
        deployed: the apps that are deployed in an environment, which are known though they have printed nothing.
        environment: that of questions that name none.
    """

    async def logs(request: Request) -> Response:
        refused = await admission.refused(request)
        if refused is not None:
            return refused
        try:
            values = request.query_params
            query = _query(values, environment)
            limit = _whole(values, "limit", _MOST) or 0 if "limit" in values else _DEFAULT
            after, before = _whole(values, "after"), _whole(values, "before")
            if "text/event-stream" in request.headers.get("accept", ""):
                last = request.headers.get("last-event-id")
                start = int(last) if last is not None and last.isdecimal() else after
                first = None if start is not None else await run_in_threadpool(store.tail, query, limit)
                events = _events(following, query, first, start or 0)
                return StreamingResponse(events, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
            if after is not None:
                page = await run_in_threadpool(store.after, query, after, limit)
            else:
                page = await run_in_threadpool(partial(store.tail, query, limit, before=before))
            lacks = None if page.lines else await run_in_threadpool(unknown, store, query, deployed(query.environment))
        except InvalidError as error:
            return JSONResponse({"error": "InvalidError", "message": str(error)}, 400)
        return Response(_page(page, lacks), media_type="application/json", headers={"Cache-Control": "no-store"})

    return [Route("/v1/logs", logs)]


def _query(values: QueryParams, environment: str) -> LogQuery:
    unknown = sorted(set(values) - _KNOWN)
    if unknown:
        raise InvalidError(f"there is no parameter {unknown[0]!r:.80}; there are {', '.join(sorted(_KNOWN))}")
    level = values.get("level")
    if level and level.lower() not in LEVELS:
        raise InvalidError(f"there is no level {level!r:.80}: one of {', '.join(LEVELS)}")
    fields = [field.partition("=") for field in values.getlist("field")]
    if any(not equals for _, equals, _ in fields):
        raise InvalidError("field takes PATH=VALUE: for example field=user.id=42")
    return LogQuery(
        environment=values.get("environment") or environment,
        since=_number(values, "since"),
        until=_number(values, "until"),
        level=LEVELS[level.lower()] if level else None,
        fields=tuple((path, value) for path, _, value in fields),
        **{word: values.get(word, "") for word in _WORDS},
    )


def _number(values: QueryParams, name: str) -> float | None:
    try:
        number = float(values[name]) if values.get(name) else None
    except ValueError:
        number = math.nan
    if number is not None and not math.isfinite(number):
        raise InvalidError(f"{name} is {values[name]!r:.80}: give Unix seconds")
    return number


def _whole(values: QueryParams, name: str, most: int = _GREATEST) -> int | None:
    text = values.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and int(text[:20]) <= most):
        raise InvalidError(f"{name} is {text!r:.80}: give a whole number from 0 to {most}")
    return int(text)


async def _events(following: Following, query: LogQuery, first: LogPage | None, after: int) -> AsyncIterator[str]:
    """Each line an event with its id; `gap` where lines were removed before they could be read."""
    if first is not None:
        yield "".join(map(_event, first.lines)) + _position(first.cursor)
        after = first.cursor
    else:
        yield _position(after)
    async for page in following.pages(query, after):
        if page.gap:
            yield "event: gap\ndata: {}\n\n"
        yield "".join(map(_event, page.lines)) + _position(page.cursor)


def _position(cursor: int) -> str:
    """No event: where a reader is who has seen all lines so far, whether or not one of them was for it."""
    return f"id: {cursor}\n: so far\n\n"


def _event(line: LogRecord) -> str:
    return f"id: {line.id}\ndata: {_line(line)}\n\n"


def _page(page: LogPage, lacks: str | None) -> str:
    rest = {"cursor": page.cursor, "more": page.more, "gap": page.gap, "unknown": lacks}
    return f'{{"lines": [{", ".join(map(_line, page.lines))}], {json.dumps(rest)[1:]}'


def _line(line: LogRecord) -> str:
    """In ASCII only: what of a line is no UTF-8 comes as lone surrogates, and Python's reader gives the bytes back.
    Numbers that JSON lacks become null; a record that is nested too deep for a reader is text only."""
    values = asdict(line)
    try:
        try:
            return json.dumps({**values, "fields": line.fields}, allow_nan=False)
        except ValueError:
            return json.dumps({**values, "fields": _finite(line.fields)})
    except RecursionError:
        return json.dumps({**values, "fields": None})


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and value - value != 0 else value
