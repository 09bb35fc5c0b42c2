"""Clients that reach the driver over a stream: user code inside containers, and other processes by way of a server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Sequence
from typing import TYPE_CHECKING, Any

from intermodal.client.api import CallTarget
from intermodal.client.tracing import trace_that_came
from intermodal.driver.calling import DETACHED
from intermodal.driver.elsewhere import Elsewhere
from intermodal.driver.peers import Peer
from intermodal.driver.replies import reply_to, withdrawn
from intermodal.driver.requests import Answer
from intermodal.engine import events
from intermodal.exception import Error
from intermodal.specs.status import ERROR
from intermodal.wire import columns
from intermodal.wire.payload import failed

if TYPE_CHECKING:
    from intermodal.driver.driver import Driver

__all__ = ["Clients", "Peer", "accepted_frame", "refuse_call"]

_CALL = re.compile(r"fc-[0-9a-z-]{8,64}")


class Clients:
    """Carries frames of peers to the driver, and outputs and replies back."""

    def __init__(self, driver: Driver, elsewhere: Elsewhere | None = None) -> None:
        self._driver = driver
        self._elsewhere = elsewhere
        self._tasks: dict[str, dict[Any, asyncio.Task[None]]] = {}
        self._calls: dict[str, set[str]] = {}
        self._streams: set[str] = set()  #: those of its calls that give no more than is asked for
        self._accepted: dict[Peer, tuple[list[str], list[list[str]]]] = {}

    def frame(self, peer: Peer, header: dict[str, Any], segments: list[bytes]) -> None:
        """One frame. What is malformed raises one of `channel.MALFORMED`, which should cut the peer off."""
        kind = header["t"]
        if self._elsewhere is not None and peer.container:
            known = kind == "request" and self._driver.calls.get(str(header["params"].get("call"))) is not None
            if self._elsewhere.take(peer, header, segments, known=known):
                return
        if kind == "submit":
            self._submit(peer, header, segments)
        elif kind == "add":
            payloads = self._payloads(peer, segments)
            if call := self._own(peer, header):
                self._driver.calling.add(call, payloads, bool(header["closed"]))
        elif kind == "cancelcall":
            if call := self._own(peer, header):
                self._driver.post(events.CallCancelled(call, bool(header.get("terminate"))))
        elif kind == "grant":
            if call := self._own(peer, header):
                self._driver.post(events.CreditGranted(call, int(header["items"])))
        elif kind == "request":
            task = self._driver.loop.create_task(self._request(peer, header, segments))
            tasks, number = self._tasks.setdefault(peer.client, {}), header["id"]
            tasks[number] = task
            task.add_done_callback(lambda task: tasks.pop(number, None))
        elif kind == "withdraw":
            waiting = self._tasks.get(peer.client, {}).get(header["id"])
            if waiting is not None:
                waiting.cancel()
        else:
            raise ValueError(f"unknown message {kind!r}")

    def gone(self, peer: Peer) -> None:
        """It is no more: its calls are cancelled, but for detached ones, and nobody waits for its requests."""
        for task in list(self._tasks.pop(peer.client, {}).values()):
            task.cancel()
        self._streams -= self._calls.pop(peer.client, set())
        if peer.container:
            if self._elsewhere is not None:
                self._elsewhere.gone(peer)
            self._driver.requests.release_owner(peer.container)
        self._driver.post(events.ClientLeft(peer.client))

    def let_go(self, peer: Peer) -> None:
        """It is no more, and what it has submitted goes on, with nobody to take its outputs. No inputs follow. Only
        generators end, which would wait for ever to be asked."""
        for task in list(self._tasks.pop(peer.client, {}).values()):
            task.cancel()
        for call in self._calls.pop(peer.client, set()):
            record = self._driver.calls.get(call)
            if record is not None:
                record.sink = record.on_end = None
            if call in self._streams:
                self._streams.discard(call)
                self._driver.post(events.CallCancelled(call))
            else:
                self._driver.calling.add(call, [], closed=True)

    def _submit(self, peer: Peer, header: dict[str, Any], segments: list[bytes]) -> None:
        call, detached = str(header["call"]), bool(header.get("detached"))
        kept = detached and self._driver.keeper is not None  # which knows whether it is the same once more (fault 6)
        if _CALL.fullmatch(call) is None or (self._driver.calls.get(call) is not None and not kept):
            raise ValueError(f"call id {call!r} is taken or malformed")
        if not detached:
            self._calls.setdefault(peer.client, set()).add(call)
        target = CallTarget(
            str(header["app"]), str(header["key"]), str(header["method"]), segments[0], str(header.get("options") or "")
        )
        credit = header.get("credit")
        if credit is not None:
            self._streams.add(call)
        parent = int(header["parent"]) if header.get("parent") else None
        try:
            self._driver.calling.submit(
                call,
                target,
                DETACHED if detached else peer.client,
                self._payloads(peer, segments[1:]),
                closed=bool(header["closed"]),
                sink=None if detached else lambda *batch: _outputs(peer, call, *batch),
                on_end=None if detached else lambda: self._ended(peer, call),
                credit=None if credit is None else int(credit),
                detached=detached,
                parent=parent,
                parent_call=header.get("parent_call"),
                trace=trace_that_came(header.get("trace")),
                accepted=(lambda refusal: self._tell(peer, call, refusal)) if detached else None,
            )
        except Error as error:
            refuse_call(peer, call, error, detached=detached)

    def _tell(self, peer: Peer, call: str, refusal: Exception | None) -> None:
        """A detached call was accepted, or not: the peer hears of all of this turn of the loop in one frame."""
        if not self._accepted:
            self._driver.loop.call_soon(self._tell_all)
        accepted, refused = self._accepted.setdefault(peer, ([], []))
        if refusal is None:
            accepted.append(call)
        else:
            refused.append([call, type(refusal).__name__, str(refusal)])

    def _tell_all(self) -> None:
        told, self._accepted = self._accepted, {}
        for peer, (accepted, refused) in told.items():
            peer.send(accepted_frame(accepted, refused))

    def _ended(self, peer: Peer, call: str) -> None:
        self._calls.get(peer.client, set()).discard(call)
        self._streams.discard(call)
        peer.send({"t": "ended", "call": call})

    def _own(self, peer: Peer, header: dict[str, Any]) -> str | None:
        """The call a frame is about: only calls that this peer itself made, and that go on. The reader of a
        generator may still grant when all items are under way to it."""
        call = str(header["call"])
        return call if call in self._calls.get(peer.client, ()) else None

    def _payloads(self, peer: Peer, segments: Sequence[bytes]) -> list[Any]:
        return [peer.payload(segment) for segment in segments]

    async def _request(self, peer: Peer, header: dict[str, Any], segments: list[bytes]) -> None:
        def work(method: str, params: dict[str, Any]) -> Awaitable[Answer]:
            return self._driver.requests.answer(method, params, segments, owner=peer.container)

        try:
            reply, answer = await reply_to(header, work)
        except asyncio.CancelledError:
            peer.send(withdrawn(header))
            raise
        if answer is not None and answer.payloads:
            peer.send_payloads({**reply, "payloads": True}, [], answer.segments)
        else:
            peer.send(reply, answer.segments if answer is not None else ())


def accepted_frame(accepted: Sequence[str] = (), refused: Sequence[Sequence[str]] = ()) -> dict[str, Any]:
    """Detached calls that were accepted, and those that were not, each with its error's name and message."""
    return {"t": "accepted", "calls": accepted, "refused": refused}


def refuse_call(peer: Peer, call: str, error: Error, *, detached: bool = False) -> None:
    """Answer a call that cannot begin."""
    if detached:
        peer.send(accepted_frame(refused=[[call, type(error).__name__, str(error)]]))
        return
    _outputs(peer, call, [0], [ERROR], [failed(type(error).__name__, str(error))])
    peer.send({"t": "ended", "call": call})


def _outputs(peer: Peer, call: str, indices: Sequence[int], statuses: Sequence[int], payloads: Sequence[Any]) -> None:
    header = {"t": "outputs", "call": call}
    peer.send_payloads(header, columns.write(header, columns.OUTPUTS, (indices, statuses)), payloads)
