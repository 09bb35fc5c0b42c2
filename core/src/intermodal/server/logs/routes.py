"""`GET /v1/logs`: kept lines as JSON, or as they come, as server-sent events."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import asdict
from functools import partial
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from intermodal.exception import InvalidError
from intermodal.server.admission import Admission, token_of
from intermodal.server.logs.following import Following
from intermodal.server.logs.known import unknown
from intermodal.server.logs.parameters import query_of, whole
from intermodal.server.logs.records import LogPage, LogRecord
from intermodal.server.logs.store import LogStore

__all__ = ["log_routes"]

_DEFAULT, _MOST = 100, 10_000


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
            query = query_of(values, environment)
            limit = whole(values, "limit", _MOST) or 0 if "limit" in values else _DEFAULT
            after, before = whole(values, "after"), whole(values, "before")
            if "text/event-stream" in request.headers.get("accept", ""):
                last = request.headers.get("last-event-id")
                start = int(last) if last is not None and last.isdecimal() else after
                first = None if start is not None else await run_in_threadpool(store.tail, query, limit)
                events = _events(partial(following.pages, query, token=token_of(request)), first, start or 0)
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


async def _events(
    pages: Callable[[int], AsyncIterator[LogPage]], first: LogPage | None, after: int
) -> AsyncIterator[str]:
    """Each line an event with its id; `gap` where lines were removed before they could be read."""
    if first is not None:
        yield "".join(map(_event, first.lines)) + _position(first.cursor)
        after = first.cursor
    else:
        yield _position(after)
    async for page in pages(after):
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
