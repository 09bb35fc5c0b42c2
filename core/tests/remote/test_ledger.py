"""What a client has under way outlasts the server: each output comes once, whatever is carried out twice."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from intermodal.remote.ledger import Frame, Ledger
from intermodal.specs.status import ERROR, GENERATOR_END, ITEM, OK
from intermodal.wire import columns
from intermodal.wire.payload import failure


def submit(call: str, inputs: list[bytes], closed: bool, credit: int | None = None) -> Frame:
    header = {"t": "submit", "call": call, "closed": closed, "credit": credit, "detached": False}
    return header, [b"parameters", *inputs]


def add(call: str, inputs: list[bytes], closed: bool) -> Frame:
    return {"t": "add", "call": call, "closed": closed}, inputs


def outputs(call: str, rows: list[tuple[int, int, bytes]]) -> tuple[dict[str, Any], list[bytes]]:
    header: dict[str, Any] = {"t": "outputs", "call": call}
    written = columns.write(header, columns.OUTPUTS, ([row[0] for row in rows], [row[1] for row in rows]))
    return header, [*map(bytes, written), *(row[2] for row in rows)]


def read(frame: Frame | None) -> list[tuple[int, int, bytes]]:
    assert frame is not None
    header, segments = frame
    (indices, statuses), payloads = columns.read(header, columns.OUTPUTS, [bytes(each) for each in segments])
    return list(zip(indices, statuses, payloads, strict=True))


class Server:
    """Carries out what it is sent, in any order. An output is the input, marked."""

    def __init__(self) -> None:
        self.calls: dict[str, tuple[list[bytes], bool]] = {}
        self.open: list[tuple[str, int]] = []

    def take(self, frame: Frame) -> None:
        header, segments = frame
        call = header["call"]
        if header["t"] == "submit":
            assert call not in self.calls, "an id is taken once"
            self.calls[call] = ([], False)
            segments = segments[1:]
        inputs, closed = self.calls[call]
        assert not closed
        for each in segments:
            self.open.append((call, len(inputs)))
            inputs.append(bytes(each))
        self.calls[call] = inputs, header["closed"]

    def finish(self, count: int, chance: random.Random) -> list[tuple[dict[str, Any], list[bytes]]]:
        """Frames of outputs, at most one for each call."""
        chance.shuffle(self.open)
        done, self.open = self.open[:count], self.open[count:]
        frames = []
        for call in {call for call, _ in done}:
            inputs, _ = self.calls[call]
            frames.append(outputs(call, [(index, OK, b"!" + inputs[index]) for of, index in done if of == call]))
        return frames

    def ended(self) -> list[str]:
        """Calls with all their outputs; each is told once."""
        busy = {call for call, _ in self.open}
        over = [call for call, (_, closed) in self.calls.items() if closed and call not in busy]
        for call in over:
            del self.calls[call]
        return over


class Client(RuleBasedStateMachine):
    """Makes calls at a server that is lost at any moment, with what is under way both ways."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger, self.server = Ledger(), Server()
        self.out: deque[Frame] = deque()
        self.come: deque[tuple[dict[str, Any], list[bytes]]] = deque()
        self.inputs: dict[str, list[bytes]] = {}
        self.closed: set[str] = set()
        self.got: dict[str, dict[int, bytes]] = {}
        self.ends: list[str] = []
        self.chance = random.Random(1)

    def send(self, frame: Frame) -> None:
        self.ledger.sent(*frame)
        self.out.append(frame)

    def inputs_for(self, call: str, count: int) -> list[bytes]:
        new = [f"{call} {len(self.inputs[call]) + number}".encode() for number in range(count)]
        self.inputs[call] += new
        return new

    @rule(count=st.sampled_from([0, 1, 3, 1100]), closed=st.booleans())
    def submit(self, count: int, closed: bool) -> None:
        """A call, with some inputs, or none yet."""
        call = f"fc-{len(self.inputs)}"
        self.inputs[call], self.got[call] = [], {}
        if closed:
            self.closed.add(call)
        self.send(submit(call, self.inputs_for(call, count), closed))

    @precondition(lambda self: len(self.closed) < len(self.inputs))
    @rule(count=st.integers(0, 5), closed=st.booleans(), pick=st.integers(0, 100))
    def add(self, count: int, closed: bool, pick: int) -> None:
        """More inputs for one that is open."""
        calls = [call for call in self.inputs if call not in self.closed]
        call = calls[pick % len(calls)]
        if closed:
            self.closed.add(call)
        self.send(add(call, self.inputs_for(call, count), closed))

    @rule(frames=st.integers(1, 5), results=st.integers(0, 1200))
    def work(self, frames: int, results: int) -> None:
        """The server takes some frames, and has some results."""
        for _ in range(min(frames, len(self.out))):
            self.server.take(self.out.popleft())
        self.come.extend(self.server.finish(results, self.chance))
        self.come.extend(({"t": "ended", "call": call}, []) for call in self.server.ended())

    @rule(frames=st.integers(1, 5))
    def hear(self, frames: int) -> None:
        """Some of them come."""
        for _ in range(min(frames, len(self.come))):
            self.take(self.ledger.come(*self.come.popleft()))

    def take(self, frame: Frame | None) -> None:
        if frame is None:
            return
        call = frame[0]["call"]
        assert call not in self.ends
        if frame[0]["t"] == "ended":
            self.ends.append(call)
            return
        for index, status, payload in read(frame):
            assert status == OK
            assert index not in self.got[call]
            self.got[call][index] = payload

    @rule()
    def lose(self) -> None:
        """Another server, which knows nothing."""
        self.server = Server()
        self.out.clear()
        self.come.clear()
        anew = self.ledger.anew("the server")
        self.out.extend(anew.out)
        for frame in anew.come:
            self.take(frame)

    @invariant()
    def outputs_are_of_their_inputs(self) -> None:
        """Each has the number that the client gave its input."""
        for call, got in self.got.items():
            assert all(payload == b"!" + self.inputs[call][index] for index, payload in got.items())

    def teardown(self) -> None:
        """In the end every call has all its outputs, and nothing is kept."""
        for call in self.inputs.keys() - self.closed:
            self.send(add(call, [], True))
        while self.out or self.server.calls or self.come:
            self.work(10_000, 10_000)
            self.hear(10_000)
        assert {call: len(got) for call, got in self.got.items()} == {
            call: len(inputs) for call, inputs in self.inputs.items()
        }
        assert sorted(self.ends) == sorted(self.inputs)
        assert not self.ledger._calls


TestClient = Client.TestCase


def test_a_generator_begins_anew_only_where_nothing_of_it_had_come() -> None:
    """Else it fails, and says why; what its reader had granted counts."""
    ledger = Ledger()
    for call in ("fc-fresh", "fc-begun"):
        ledger.sent(*submit(call, [b"x"], True, credit=64))
        ledger.sent({"t": "grant", "call": call, "items": 32}, [])
    assert read(ledger.come(*outputs("fc-begun", [(0, ITEM, b"1"), (0, ITEM, b"2")])))
    anew = ledger.anew("the server at X")
    ((header, segments),) = anew.out
    assert (header["call"], header["credit"], list(segments)) == ("fc-fresh", 96, [b"parameters", b"x"])
    lost, ended = anew.come
    ((index, status, payload),) = read(lost)
    assert (index, status) == (0, ERROR)
    assert "the server at X was started anew while the generator ran" in str(failure(payload))
    assert ended[0] == {"t": "ended", "call": "fc-begun"}
    assert read(ledger.come(*outputs("fc-fresh", [(0, ITEM, b"1"), (0, GENERATOR_END, b"")])))


def test_requests_are_made_again_where_that_changes_nothing() -> None:
    """Of others it is said that it is not known whether they happened. Those that were answered, or that nobody waits
    for, are over."""
    ledger = Ledger()
    for number, method in enumerate(("queue.len", "queue.put", "dict.get", "dict.get", "queue.put")):
        ledger.sent({"t": "request", "id": number, "method": method, "params": {}}, [b"s"])
    ledger.come({"t": "reply", "id": 2, "ok": True}, [])
    ledger.sent({"t": "withdraw", "id": 3}, [])
    ledger.come({"t": "reply", "id": 4, "ok": True}, [])
    anew = ledger.anew("the server")
    assert [header["id"] for header, _ in anew.out] == [0]
    assert [(header["id"], header["ok"], header["error"]) for header, _ in anew.come] == [
        (1, False, "RemoteError"),
        (3, False, "RemoteError"),
    ]
    assert "not known whether that happened" in anew.come[0][0]["message"]
    assert [header["id"] for header, _ in ledger.anew("the server").out] == [0]


def test_a_detached_call_is_submitted_until_it_is_accepted() -> None:
    """Or refused."""
    ledger = Ledger()
    for call in ("fc-kept", "fc-refused", "fc-unheard"):
        header, segments = submit(call, [b"x"], True)
        ledger.sent({**header, "detached": True}, segments)
    ledger.come({"t": "accepted", "calls": ["fc-kept"], "refused": [["fc-refused", "NotFoundError", "no"]]}, [])
    again = [(header["call"], list(segments)) for header, segments in ledger.anew("the server").out]
    assert again == [("fc-unheard", [b"parameters", b"x"])]


def test_requests_that_no_server_can_have_heard_are_made() -> None:
    """What was asked while there was no connection is asked at the next server; what an earlier one may have heard is
    not."""
    ledger = Ledger()
    ledger.sent({"t": "request", "id": 1, "method": "queue.put", "params": {}}, [], away=True)
    ledger.back()
    ledger.sent({"t": "request", "id": 2, "method": "queue.put", "params": {}}, [], away=True)
    anew = ledger.anew("the server")
    assert [header["id"] for header, _ in anew.out] == [2]
    assert [header["id"] for header, _ in anew.come] == [1]


def test_a_cancelled_call_ends_with_the_server() -> None:
    """It is not begun anew; nor is one that had all its outputs. A refusal of a call without inputs comes through."""
    ledger = Ledger()
    ledger.sent(*submit("fc-cancelled", [b"x", b"y"], False))
    ledger.sent({"t": "cancelcall", "call": "fc-cancelled"}, [])
    ledger.sent(*submit("fc-done", [b"x"], True))
    ledger.come(*outputs("fc-done", [(0, OK, b"1")]))
    ledger.sent(*submit("fc-refused", [], False))
    assert read(ledger.come(*outputs("fc-refused", [(0, ERROR, b"no")]))) == [(0, ERROR, b"no")]
    ledger.come({"t": "ended", "call": "fc-refused"}, [])
    anew = ledger.anew("the server")
    assert anew.out == []
    assert [header["call"] for header, _ in anew.come] == ["fc-cancelled", "fc-done"]
