"""Answers what clients ask beyond calls: outputs by id, cancellation, statistics, autoscalers, queues, dicts and
volumes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from intermodal.client.api import CallTarget
from intermodal.driver.keeping import Output
from intermodal.driver.numbers import count, seconds
from intermodal.driver.replies import refusing
from intermodal.engine import events
from intermodal.specs import Scaling
from intermodal.storage import RequestError, StateService

if TYPE_CHECKING:
    from intermodal.driver.driver import Driver
    from intermodal.driver.volumes.session import SessionVolumes

__all__ = ["STATE", "Answer", "RequestError", "Requests", "in_environment", "output_answer"]

#: How requests to queues and dicts begin.
STATE = ("queue.", "dict.")


@dataclass(frozen=True, slots=True)
class Answer:
    """A JSON value and segments; `payloads`: the segments are payloads, not plain bytes."""

    value: Any = None
    segments: Sequence[Any] = ()
    payloads: bool = False


def in_environment(params: dict[str, Any], environment: str) -> dict[str, Any]:
    """`params`, where a name that comes with no environment of its own is one of `environment`."""
    return {**params, "environment": params["environment"] or environment} if "environment" in params else params


class Requests:
    """One method per request name. Refusals are `RequestError`, naming a class of `intermodal.exception`."""

    def __init__(self, driver: Driver, state: StateService, volumes: SessionVolumes, environment: str) -> None:
        """`environment`: where names are looked for that come with none of their own."""
        self._driver = driver
        self._state = state
        self._volumes = volumes
        self._environment = environment
        self._methods: dict[str, Callable[[dict[str, Any]], Awaitable[Answer]]] = {
            "call.output": self._output,
            "call.cancel": self._cancel,
            "call.graph": self._graph,
            "function.stats": self._stats,
            "function.autoscale": self._autoscale,
            "web.receive": self._receive,
            "web.url": self._web_url,
        }

    async def answer(self, method: str, params: dict[str, Any], segments: Sequence[bytes], owner: str = "") -> Answer:
        """Handle one request; `owner` is the container it comes from. Raises `RequestError`."""
        handler = self._methods.get(method)
        with refusing(method):
            if handler is not None:
                return await handler(params)
            if method.startswith("sandbox."):
                reply = await self._driver.sandboxes.handle(method, params, segments, self._driver.app_of(owner), owner)
                return Answer(reply.value, reply.segments)
            if method.startswith(STATE):
                params = in_environment(params, self._environment)
                reply = await self._state.handle(method, params, segments, owner=owner)
                return Answer(reply.value, reply.segments)
            if method.startswith("volume."):
                params = in_environment(params, self._environment)
                reply = await self._volumes.handle(method, params, segments, owner=owner)
                return Answer(reply.value, reply.segments)
        if method == "app.lookup":
            raise RequestError("InvalidError", "deployed apps are at a server, and this app does not run at one")
        raise RequestError("InvalidError", f"there is no request {method!r}")

    def at_once(self, method: str, params: dict[str, Any], segments: Sequence[bytes]) -> Answer | None:
        """The answer, on any thread, to what needs neither the driver's loop nor any waiting. Raises `RequestError`."""
        if not method.startswith(STATE):
            return None
        reply = self._state.at_once(method, in_environment(params, self._environment), segments)
        return None if reply is None else Answer(reply.value, reply.segments)

    def release_owner(self, owner: str) -> None:
        """A container is gone, and with it the queues and dicts it had made for itself."""
        self._driver.background(self._state.release_owner(owner))

    async def _output(self, params: dict[str, Any]) -> Answer:
        call, index, timeout = str(params["call"]), int(params["index"]), params["timeout"]
        record = self._driver.calls.get(call)
        if self._driver.keeper is not None and (record is None or record.keeper is not None):
            wait = None if timeout is None else seconds(timeout)
            return output_answer(await self._driver.keeper.output(call, index, wait))
        if record is None:
            if self._driver.calls.expired(call):
                return Answer({"state": "expired"})
            raise RequestError("NotFoundError", f"no call {call!r} is known here; ids live as long as their app runs")
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + seconds(timeout)
        while index not in record.kept:
            if record.ended:
                raise RequestError("NotFoundError", f"call {call!r} has no output {index}")
            changed: asyncio.Future[None] = loop.create_future()
            record.waiters.append(lambda changed=changed: changed.done() or changed.set_result(None))  # type: ignore[misc]
            left = None if deadline is None else deadline - loop.time()
            try:
                await asyncio.wait_for(changed, left)
            except TimeoutError:
                return Answer({"state": "pending"})
        status, payload = record.kept[index]
        return Answer({"state": "done", "status": status}, (payload,), payloads=True)

    async def _cancel(self, params: dict[str, Any]) -> Answer:
        call = str(params["call"])
        if self._driver.keeper is not None and self._driver.calls.get(call) is None:
            await self._driver.keeper.cancel(call)
        self._driver.post(events.CallCancelled(call, bool(params.get("terminate"))))
        return Answer()

    async def _graph(self, params: dict[str, Any]) -> Answer:
        call = str(params["call"])
        tree = self._driver.calls.tree(call)
        if not tree and self._driver.keeper is not None:
            tree = await self._driver.keeper.graph(call)
        return Answer(tree)

    async def _stats(self, params: dict[str, Any]) -> Answer:
        view = self._driver.engine.snapshot().pools.get(self._driver.calling.pool(_target(params)).id)
        if view is None:  # made by this very request
            return Answer({"backlog": 0, "num_total_runners": 0})
        return Answer({"backlog": view.queued, "num_total_runners": view.starting + view.ready + view.parked})

    async def _autoscale(self, params: dict[str, Any]) -> Answer:
        pool = self._driver.calling.pool(_target(params))
        scaling = _changed(self._driver.scaling.get(pool.id, pool.function.scaling), params)
        self._driver.scaling[pool.id] = scaling
        self._driver.post(events.AutoscalerUpdated(pool.id, scaling))
        return Answer()

    async def _receive(self, params: dict[str, Any]) -> Answer:
        return Answer(None, await self._driver.web.feed(str(params["feed"])).take(count(params["taken"])))

    async def _web_url(self, params: dict[str, Any]) -> Answer:
        target = _target(params)
        function = self._driver.pools.function(target.app, target.key)
        return Answer(self._driver.web.url(function, str(params["method"])))


def output_answer(output: Output) -> Answer:
    """What "call.output" answers."""
    if output.state != "done":
        return Answer({"state": output.state})
    return Answer({"state": "done", "status": output.status}, (output.payload,), payloads=True)


def _target(params: dict[str, Any]) -> CallTarget:
    return CallTarget(
        str(params["app"]),
        str(params["key"]),
        parameters=bytes.fromhex(str(params.get("parameters", ""))),
        options=str(params.get("options", "")),
    )


_AUTOSCALER: Mapping[str, tuple[str, Callable[[Any], Any]]] = {
    "min_containers": ("min_containers", count),
    "max_containers": ("max_containers", count),
    "buffer_containers": ("buffer_containers", count),
    "scaledown_window": ("window_s", seconds),
}


def _changed(scaling: Scaling, params: dict[str, Any]) -> Scaling:
    changes = {field: kind(params[name]) for name, (field, kind) in _AUTOSCALER.items() if params.get(name) is not None}
    return replace(scaling, **changes)
