"""Exceptions of user code as payloads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.driver.failures import told
from intermodal.engine.commands import Failure
from intermodal.exception import DeserializationError
from intermodal.wire.payload import dumps, failed, loads, received
from intermodal.wire.raised import Raised, decode, encode, is_raised

texts = st.text(st.characters())  # lone surrogates, too: a message may have them
exceptions = st.builds(Raised, texts, texts, texts, st.none() | st.binary(min_size=1))


@given(exceptions)
def test_an_exception_comes_back_as_it_went(raised: Raised) -> None:
    """And passes as a payload, whose text the control plane reads."""
    payload = encode(raised)
    assert decode(payload) == raised
    assert is_raised(payload)
    assert received(payload, None) == payload
    assert (told(payload).error, told(payload).traceback) == (raised.error, raised.traceback)


@given(exceptions, st.data())
def test_what_is_damaged_is_a_value_error(raised: Raised, data: st.DataObject) -> None:
    """Whatever a container sends in its place, nothing else is raised, and observers hear that it said nothing."""
    payload = bytearray(encode(raised))
    if data.draw(st.booleans()):
        del payload[data.draw(st.integers(0, len(payload) - 1)) :]
    else:
        payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decode(bytes(payload))
    except ValueError:
        pass
    told(bytes(payload))


@given(st.one_of(st.binary(), st.none(), st.integers(), st.text().map(lambda text: dumps(text, None))))
def test_anything_else_tells_nothing(payload: object) -> None:
    """A payload that claims to be a failure of ours included."""
    assert told(payload).error
    assert told(b"\x03[]").error == "ExecutionError"
    assert told(b'\x03{"error": 7}').error == "ExecutionError"


def test_failures_of_ours_are_told_by_their_names() -> None:
    """Those of the engine, and those of the driver."""
    assert told(Failure("OutOfMemoryError", "gone")) == Raised("OutOfMemoryError", "gone", "")
    assert told(failed("ContainerStartError", "f: no")) == Raised("ContainerStartError", "f: no", "")


def test_too_long_a_text_is_not_read() -> None:
    """Nothing that a container sends holds up the control plane's loop."""
    assert told(encode(Raised("E", "x" * (2 << 20), ""))).error == "ExecutionError"


def test_it_is_no_value() -> None:
    """Whoever takes it for one hears so."""
    with pytest.raises(DeserializationError, match="form 5"):
        loads(encode(Raised("E", "", "")))
