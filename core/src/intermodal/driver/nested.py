"""User code inside containers as a client: nested calls and requests over the guest's own stream."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from intermodal.client.api import CallTarget
from intermodal.driver.requests import RequestError
from intermodal.engine import events
from intermodal.exception import Error
from intermodal.specs.status import ERROR
from intermodal.wire import columns
from intermodal.wire.payload import failed

if TYPE_CHECKING:
    from intermodal.driver.driver import Driver
    from intermodal.driver.unit import Unit

__all__ = ["NestedClients"]

_CALL = re.compile(r"fc-[0-9a-z-]{8,64}")


class NestedClients:
    """Carries client frames of containers to the driver, and outputs and replies back."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._tasks: dict[str, dict[Any, asyncio.Task[None]]] = {}
        self._calls: dict[str, set[str]] = {}

    def frame(self, unit: Unit, header: dict[str, Any], segments: list[bytes]) -> None:
        """One frame. Anything malformed raises, which cuts the container off."""
        kind = header["t"]
        if kind == "submit":
            self._submit(unit, header, segments)
        elif kind == "add":
            payloads = self._payloads(unit, segments)
            if call := self._own(unit, header):
                self._driver.add(call, payloads, bool(header["closed"]))
        elif kind == "cancelcall":
            if call := self._own(unit, header):
                self._driver.post(events.CallCancelled(call, bool(header.get("terminate"))))
        elif kind == "grant":
            if call := self._own(unit, header):
                self._driver.post(events.CreditGranted(call, int(header["items"])))
        elif kind == "request":
            task = self._driver.loop.create_task(self._request(unit, header, segments))
            tasks, number = self._tasks.setdefault(unit.id, {}), header["id"]
            tasks[number] = task
            task.add_done_callback(lambda task: tasks.pop(number, None))
        elif kind == "withdraw":
            waiting = self._tasks.get(unit.id, {}).get(header["id"])
            if waiting is not None:
                waiting.cancel()
        else:
            raise ValueError(f"unknown message {kind!r}")

    def gone(self, unit: Unit) -> None:
        """The container is no more: nobody waits for its requests."""
        for task in list(self._tasks.pop(unit.id, {}).values()):
            task.cancel()
        self._calls.pop(unit.id, None)
        self._driver.requests.release_owner(unit.id)

    def _submit(self, unit: Unit, header: dict[str, Any], segments: list[bytes]) -> None:
        call = str(header["call"])
        if _CALL.fullmatch(call) is None or self._driver.calls.get(call) is not None:
            raise ValueError(f"call id {call!r} is taken or malformed")
        self._calls.setdefault(unit.id, set()).add(call)
        target = CallTarget(
            str(header["app"]), str(header["key"]), str(header["method"]), segments[0], str(header.get("options") or "")
        )
        detached = bool(header.get("detached"))
        credit = header.get("credit")
        parent = int(header["parent"]) if header.get("parent") else None
        try:
            self._driver.submit(
                call,
                target,
                "detached" if detached else f"container:{unit.id}",
                self._payloads(unit, segments[1:]),
                closed=bool(header["closed"]),
                sink=None if detached else lambda *batch: _outputs(unit, call, *batch),
                on_end=None if detached else lambda: self._ended(unit, call),
                credit=None if credit is None else int(credit),
                detached=detached,
                parent=parent,
                parent_call=header.get("parent_call"),
            )
        except Error as error:
            _outputs(unit, call, [0], [ERROR], [failed(type(error).__name__, str(error))])
            unit.send({"t": "ended", "call": call})

    def _ended(self, unit: Unit, call: str) -> None:
        self._calls.get(unit.id, set()).discard(call)
        unit.send({"t": "ended", "call": call})

    def _own(self, unit: Unit, header: dict[str, Any]) -> str | None:
        """The call a frame is about: only calls that this container itself made, and that go on. The reader of a
        generator may still grant when all items are under way to it."""
        call = str(header["call"])
        return call if call in self._calls.get(unit.id, ()) else None

    def _payloads(self, unit: Unit, segments: Sequence[bytes]) -> list[Any]:
        assert unit.channel is not None
        return [unit.channel.payload(segment) for segment in segments]

    async def _request(self, unit: Unit, header: dict[str, Any], segments: list[bytes]) -> None:
        number = header["id"]
        try:
            answer = await self._driver.requests.answer(
                str(header["method"]), header["params"], segments, owner=unit.id
            )
        except RequestError as error:
            unit.send({"t": "reply", "id": number, "ok": False, "error": error.error, "message": error.message})
            return
        except asyncio.CancelledError:  # withdrawn: the guest need not remember it
            unit.send({"t": "reply", "id": number, "ok": False, "error": "InputCancelledError", "message": ""})
            raise
        reply = {"t": "reply", "id": number, "ok": True, "value": answer.value}
        if answer.payloads:
            unit.send_payloads({**reply, "payloads": True}, [], answer.segments)
        else:
            unit.send(reply, answer.segments)


def _outputs(unit: Unit, call: str, indices: Sequence[int], statuses: Sequence[int], payloads: Sequence[Any]) -> None:
    header = {"t": "outputs", "call": call}
    unit.send_payloads(header, columns.write(header, columns.OUTPUTS, (indices, statuses)), payloads)
