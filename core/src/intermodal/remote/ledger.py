"""What a client has under way at a server, so that it can begin anew where the server has lost it.

Pure: told of every frame that goes out and comes in. A call keeps its inputs until their outputs have come. What has no
output when the server is another is submitted again under the same id; its inputs are numbered anew there, and outputs
that come are given the numbers that the client knows. So each output comes once, whatever is carried out twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from intermodal.remote.repeatable import is_repeatable
from intermodal.specs.status import ERROR, ITEM
from intermodal.wire import columns
from intermodal.wire.frame import Buffer
from intermodal.wire.payload import failed

__all__ = ["Anew", "Frame", "Ledger"]

Frame: TypeAlias = tuple[dict[str, Any], Sequence[Buffer]]

#: Inputs in one frame, where many are submitted again.
_CHUNK = 1024


@dataclass(frozen=True)
class Anew:
    """What to send to the new server, and what to take for what the old one would have sent."""

    out: list[Frame]
    come: list[Frame]


@dataclass(eq=False)
class _Call:
    """One that has not ended. `left` are inputs without an output, by the client's number. The server's numbers are
    those of `renumbered`, where the call was submitted again; inputs that came after that go from `since` on."""

    submit: dict[str, Any]
    parameters: Buffer
    left: dict[int, Buffer] = field(default_factory=dict)
    renumbered: list[int] = field(default_factory=list)
    since: int = 0
    count: int = 0
    closed: bool = False
    granted: int = 0
    begun: bool = False  # items of a generator have come
    cancelled: bool = False

    def add(self, inputs: Sequence[Buffer], closed: bool) -> None:
        for each in inputs:
            self.left[self.count] = each
            self.count += 1
        self.closed = closed

    def number(self, index: int) -> int:
        """The client's, of an input by the server's."""
        before = len(self.renumbered)
        return self.renumbered[index] if index < before else self.since + index - before

    def again(self) -> Iterator[Frame]:
        """The frames that submit what is left."""
        self.renumbered, self.since = list(self.left), self.count
        inputs = list(self.left.values())
        header = {**self.submit, "closed": self.closed and len(inputs) <= _CHUNK}
        if self.granted:
            header["credit"] = self.submit["credit"] + self.granted
        yield header, [self.parameters, *inputs[:_CHUNK]]
        for start in range(_CHUNK, len(inputs), _CHUNK):
            last = start + _CHUNK >= len(inputs)
            add = {"t": "add", "call": self.submit["call"], "closed": self.closed and last}
            yield add, inputs[start : start + _CHUNK]


class Ledger:
    """Of one client. Not for several threads at once."""

    def __init__(self) -> None:
        self._spawned: dict[str, Frame] = {}  #: detached calls that no server has accepted or refused yet
        self._calls: dict[str, _Call] = {}
        self._requests: dict[Any, Frame] = {}
        self._withdrawn: set[Any] = set()
        self._unheard: set[Any] = set()  # requests that no server can have heard yet

    def sent(self, header: dict[str, Any], segments: Sequence[Buffer], *, away: bool = False) -> None:
        """A frame goes out; `away`: when it is known that the connection has ended, so that only the next one carries
        it."""
        kind = header["t"]
        if kind == "submit":
            if header["detached"]:
                self._spawned[header["call"]] = header, tuple(segments)
            else:
                call = self._calls[header["call"]] = _Call(dict(header), segments[0])
                call.add(segments[1:], header["closed"])
        elif kind == "request":
            self._requests[header["id"]] = header, tuple(segments)
            if away:
                self._unheard.add(header["id"])
        elif kind == "withdraw":
            self._withdrawn.add(header["id"])
        elif header.get("call") in self._calls:
            self._of_call(self._calls[header["call"]], header, segments)

    def _of_call(self, call: _Call, header: dict[str, Any], segments: Sequence[Buffer]) -> None:
        match header["t"]:
            case "add":
                call.add(segments, header["closed"])
            case "grant":
                call.granted += header["items"]
            case "cancelcall":
                call.cancelled = True

    def come(self, header: dict[str, Any], segments: list[bytes]) -> Frame | None:
        """A frame comes in: as the client should see it; None: it has seen it. Raises `FrameError`, `LookupError`."""
        kind = header["t"]
        if kind == "accepted":
            for name in (*header["calls"], *(refused[0] for refused in header["refused"])):
                self._spawned.pop(name, None)
        elif kind == "ended":
            self._calls.pop(header["call"], None)
        elif kind == "reply":
            self._requests.pop(header["id"], None)
            self._withdrawn.discard(header["id"])
        elif kind == "outputs":
            call = self._calls.get(header["call"])
            if call is not None:
                return self._outputs(call, header, segments)
        return header, segments

    def _outputs(self, call: _Call, header: dict[str, Any], segments: list[bytes]) -> Frame | None:
        (indices, statuses), payloads = columns.read(header, columns.OUTPUTS, segments)
        rows: list[tuple[int, int, bytes]] = []
        for index, status, payload in zip(indices, statuses, payloads, strict=True):
            number = call.number(index)
            # A call that is refused has an output though it may have no inputs yet.
            if number < call.count and number not in call.left:
                continue
            if status == ITEM:
                call.begun = True
            else:
                call.left.pop(number, None)
            rows.append((number, status, payload))
        if not rows:
            return None
        if len(rows) == len(indices) and [number for number, _, _ in rows] == indices:
            return header, segments
        return _outputs(header["call"], rows)

    def back(self) -> None:
        """The next connection is there."""
        self._unheard.clear()

    def anew(self, server: str) -> Anew:
        """The server has lost everything; `server` is what to call it."""
        anew = Anew([], [])
        for number, frame in list(self._requests.items()):
            harmless = number in self._unheard or is_repeatable(frame[0]["method"])
            if harmless and number not in self._withdrawn:
                anew.out.append(frame)
            else:
                anew.come.append(self._unanswered(number, server))
        anew.out.extend(self._spawned.values())
        for name, call in list(self._calls.items()):
            if call.begun and call.left and not call.cancelled:
                message = f"{server} was started anew while the generator ran, and some of its items had come"
                rows = [(number, ERROR, failed("RemoteError", message)) for number in call.left]
                anew.come.append(_outputs(name, rows))
                call.left.clear()
            if call.cancelled or (call.closed and not call.left):
                del self._calls[name]
                anew.come.append(({"t": "ended", "call": name}, []))
            else:
                anew.out.extend(call.again())
        return anew

    def _unanswered(self, number: Any, server: str) -> Frame:
        header, _ = self._requests.pop(number)
        self._withdrawn.discard(number)
        why = (
            f"{server} was started anew before it answered {header['method']!r}: it is not known whether that happened"
        )
        return {"t": "reply", "id": number, "ok": False, "error": "RemoteError", "message": why}, []


def _outputs(call: str, rows: Sequence[tuple[int, int, bytes]]) -> Frame:
    header: dict[str, Any] = {"t": "outputs", "call": call}
    numbers = [number for number, _, _ in rows]
    statuses = [status for _, status, _ in rows]
    return header, [*columns.write(header, columns.OUTPUTS, (numbers, statuses)), *(payload for _, _, payload in rows)]
