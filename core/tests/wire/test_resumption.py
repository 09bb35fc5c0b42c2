"""What is sent over connections that break arrives once and in order."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from intermodal.wire.frame import FrameError
from intermodal.wire.resumption import (
    UNKNOWN,
    Claim,
    Received,
    Sent,
    acknowledgement,
    answered,
    claim_in,
    claimed,
    count_in,
)

WINDOW = 2 << 20
PIECE = 1 << 20


class End:
    """One of the two, and what is on its way to it."""

    def __init__(self) -> None:
        self.sent, self.received = Sent(WINDOW), Received()
        self.said: list[bytes] = []
        self.heard: list[bytes] = []
        self.waiting: deque[bytes] = deque()  # what it wants to send, and has no room for
        self.arriving: deque[bytes | str] = deque()


class Connections(RuleBasedStateMachine):
    """Two ends say things at any time; their connection carries some, and breaks at any moment."""

    def __init__(self) -> None:
        super().__init__()
        self.ends = (End(), End())
        self.connected = True

    @rule(side=st.booleans(), size=st.sampled_from([1, 100, PIECE // 4, PIECE]), count=st.integers(1, 300))
    def say(self, side: bool, size: int, count: int) -> None:
        """An end has messages to send, with or without a connection."""
        end = self.ends[side]
        for _ in range(count if size < PIECE // 4 else 1):
            end.waiting.append(len(end.said).to_bytes(8, "little") + bytes(size))
            end.said.append(end.waiting[-1])
        self.write(side)

    def write(self, side: bool) -> None:
        """As much as there is room for. What is written to a broken connection is lost."""
        end, other = self.ends[side], self.ends[not side]
        while end.waiting and end.sent.room:
            end.sent.keep(end.waiting[0])
            if self.connected:
                other.arriving.append(end.waiting[0])
            end.waiting.popleft()

    @precondition(lambda self: self.connected)
    @rule(side=st.booleans(), count=st.integers(1, 600))
    def arrive(self, side: bool, count: int) -> None:
        """An end reads some of what is under way to it."""
        end, other = self.ends[side], self.ends[not side]
        while end.arriving and count:
            count -= 1
            message = end.arriving.popleft()
            if isinstance(message, str):
                end.sent.acknowledge(count_in(message))
                self.write(side)
                continue
            end.heard.append(message)
            if end.received.take(message):
                other.arriving.append(acknowledgement(end.received.total))

    @rule()
    def break_off(self) -> None:
        """The connection ends, and with it what was under way in it."""
        self.connected = False
        for end in self.ends:
            end.arriving.clear()

    @precondition(lambda self: not self.connected)
    @rule(carried=st.integers(0, 600))
    def connect(self, carried: int) -> None:
        """A new one, which may break before all is sent again."""
        self.connected = True
        for end, other in (self.ends, self.ends[::-1]):
            end.sent.acknowledge(other.received.total)
            other.arriving.extend(end.sent.kept)
        self.write(False)
        self.write(True)
        self.arrive(False, carried)
        self.arrive(True, carried)

    @invariant()
    def what_is_heard_was_said(self) -> None:
        """In order, once, from the beginning; and no more is kept than a window and a message."""
        for end, other in (self.ends, self.ends[::-1]):
            assert end.heard == other.said[: len(end.heard)]
            assert end.sent._bytes < WINDOW + PIECE + 8

    def teardown(self) -> None:
        """With a connection that lasts, all of it is heard."""
        if not self.connected:
            self.connect(0)
        while any(end.arriving for end in self.ends):
            self.arrive(False, 600)
            self.arrive(True, 600)
        for end, other in (self.ends, self.ends[::-1]):
            assert end.heard == other.said
            assert not end.waiting


TestConnections = Connections.TestCase


def test_an_end_cannot_have_received_what_was_not_sent() -> None:
    """Nor less than it said before."""
    sent = Sent()
    sent.keep(b"a")
    sent.keep(b"b")
    sent.acknowledge(1)
    for impossible in (0, 3, -1):
        with pytest.raises(FrameError, match="messages are said to have been received"):
            sent.acknowledge(impossible)
    assert sent.kept == (b"b",)
    sent.acknowledge(2)
    assert sent.kept == ()


def test_texts_are_read_as_they_were_written() -> None:
    """Claims, their answers, acknowledgements."""
    assert claim_in(claimed(Claim("s", 7))) == Claim("s", 7)
    assert count_in(acknowledgement(5)) == answered(acknowledgement(5)) == 5
    assert answered(UNKNOWN) is None


@given(st.sampled_from(["", "[", "[]", "7", '{"received":"1"}', '{"received":true}', '{"stream":1}', "[" * 100_000]))
def test_other_texts_break_the_protocol(text: str) -> None:
    """They are no reason for another error."""
    for read in (count_in, claim_in, answered):
        with pytest.raises(FrameError, match="a text that"):
            read(text)
