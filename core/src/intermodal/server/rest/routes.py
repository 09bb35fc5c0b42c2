"""`POST /v1/apps/{app}/functions/{function}` calls a deployed function, `GET /v1/calls/{id}` tells of a call."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from intermodal.client.api import CallHandle, CallTarget
from intermodal.client.completion import run_async
from intermodal.driver.keeping import Output
from intermodal.exception import InvalidError, NotFoundError
from intermodal.server.admission import Admission
from intermodal.server.deployments import Deployments
from intermodal.server.package import Package
from intermodal.server.rest.admitting import admitted
from intermodal.server.rest.admitting import query as query_of
from intermodal.server.rest.answers import failed, of_call, result_text
from intermodal.server.rest.bodies import MAX_BODY, Asked, asked
from intermodal.specs.status import CANCELLED, OK

__all__ = ["rest_routes"]

#: Seconds that a question about a call may wait for its end.
_LONGEST_WAIT_S = 60.0
#: The status for a client that has left, which nobody gets.
_LEFT = 499
_YES, _NO = ("1", "true", "yes"), ("", "0", "false", "no")


def rest_routes(deployments: Deployments, admission: Admission, environment: str) -> list[Route]:
    """The routes. They need a token where clients do; `environment` is that of requests which name none."""

    async def call(request: Request) -> Response:
        query = query_of(request, "environment", "spawn")
        try:
            what = asked(await _body(request))
        except ClientDisconnect:
            return Response(status_code=_LEFT)
        where = query.get("environment") or environment, request.path_params["app"]
        running = await deployments.running_of(*where)
        target = _target(running.package, request.path_params["function"], what)
        spawned = _flag(query, "spawn")
        # Without awaiting since the session was found (`Deployments.running_of`).
        begun = running.session.client.submit(target, (what.payload,), closed=True, detached=spawned)
        if not spawned:
            return await _result(request, begun)
        deployments.begun(begun.id, running.session)
        await begun.accepted.wait_async()
        begun.accepted.result()
        place = f"/v1/calls/{begun.id}"
        return JSONResponse({"call": begun.id, "url": place}, 202, {"Location": place})

    async def state(request: Request) -> Response:
        query = query_of(request, "timeout")
        timeout = _seconds(query)
        call = request.path_params["call"]
        return _state(call, await deployments.calls.output(call, 0, timeout))

    return [
        Route("/v1/apps/{app}/functions/{function}", admitted(call, admission), methods=["POST"]),
        Route("/v1/calls/{call}", admitted(state, admission), methods=["GET"]),
    ]


def _flag(query: dict[str, str], name: str) -> bool:
    word = query.get(name, "").lower()
    if word not in (*_YES, *_NO):
        raise InvalidError(f"{name}={word:.40} is neither 1 nor 0")
    return word in _YES


def _seconds(query: dict[str, str]) -> float:
    try:
        seconds = float(query.get("timeout", "0"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_WAIT_S:
        raise InvalidError(f"timeout is from 0 to {_LONGEST_WAIT_S:g} seconds: ask again for what takes longer")
    return seconds


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise InvalidError(f"the body has more than {MAX_BODY:,} bytes: put large data into a volume, and name it")
    return bytes(body)


def _target(package: Package, name: str, what: Asked) -> CallTarget:
    """What to call. Raises `NotFoundError`, which lists what there is; `InvalidError`."""
    owner, _, method = name.partition(".")
    function = package.function(owner)
    known = {each.name: each for each in function.methods}
    if method not in known:
        methods = ", ".join(f"{owner}.{each}" for each in sorted(known) if each) or owner
        raise NotFoundError(f"the app {package.app.name!r} has no {name!r:.80}; it has: {methods}")
    if known[method].web is not None:
        raise InvalidError(f"{name!r} is a web function: send requests to its URL, which `intermodal deploy` prints")
    if known[method].is_generator:
        raise InvalidError(f"{name!r} is a generator, which gives many values: call a function that returns one")
    if what.parameters and not function.is_class:
        raise InvalidError(f"{name!r} is a function: parameters are what classes have")
    return replace(CallTarget(package.app.name, function.key, method), parameters=what.parameters)


async def _result(request: Request, call: CallHandle) -> Response:
    """Wait for it; a client that leaves cancels it."""
    arriving = asyncio.create_task(_output(call))
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({arriving, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not arriving.done():
            return Response(status_code=_LEFT)
        return of_call(*arriving.result(), {"Intermodal-Call": call.id})
    finally:
        call.cancel()
        arriving.cancel()
        leaving.cancel()


async def _output(call: CallHandle) -> tuple[int, Any]:
    batch = await run_async(call.outputs.next())
    return (CANCELLED, b"") if batch is None else (batch[1][0], batch[2][0])


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _state(call: str, output: Output) -> Response:
    known: dict[str, Any] = {"call": call}
    if output.state != "done":
        return JSONResponse({**known, "state": "running" if output.state == "pending" else output.state})
    status, payload = output.status, output.payload
    if status == CANCELLED:
        return JSONResponse({**known, "state": "cancelled"})
    if status != OK:
        return JSONResponse({**known, "state": "failed", **failed(status, payload)[1]})
    text = result_text(payload)
    if text is None:  # a program made the call, and can read it
        return JSONResponse({**known, "state": "succeeded"})
    return JSONResponse({**known, "state": "succeeded", "result": json.loads(text)})
