"""Events of ASGI as payloads."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.wire.events import decode, encode, is_events
from intermodal.wire.payload import dumps, received

headers = st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9)), max_size=3)
events = st.one_of(
    st.fixed_dictionaries({"type": st.just("http.request"), "body": st.binary(), "more_body": st.booleans()}),
    st.fixed_dictionaries({"type": st.just("http.response.start"), "status": st.integers(), "headers": headers}),
    st.fixed_dictionaries({"type": st.just("websocket.receive"), "text": st.text() | st.none(), "bytes": st.none()}),
    st.fixed_dictionaries({"type": st.just("websocket.send"), "bytes": st.binary()}),
    st.fixed_dictionaries({"type": st.just("http"), "path": st.text(), "raw_path": st.binary(), "headers": headers}),
)


@given(st.lists(events))
def test_events_come_back_as_they_went(some: list[dict[str, Any]]) -> None:
    """Bytes as bytes, in order; the control plane takes them for a payload and never opens them."""
    payload = encode(some)
    assert decode(payload) == some
    assert is_events(payload)
    assert received(payload, None) == payload


@given(st.lists(events, min_size=1), st.data())
def test_what_is_damaged_is_a_value_error(some: list[dict[str, Any]], data: st.DataObject) -> None:
    """Whatever a container sends in its place, nothing else is raised."""
    payload = bytearray(encode(some))
    if data.draw(st.booleans()):
        del payload[data.draw(st.integers(0, len(payload) - 1)) :]
    else:
        payload[data.draw(st.integers(0, len(payload) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        decode(bytes(payload))
    except ValueError:
        pass


@pytest.mark.parametrize(
    "text", [b"[1]", b"[{}]", b"{}", b'[{"type":1}]', b"[" * 100_000, b'[{"type":"x","headers":1}]']
)
def test_json_that_is_no_events_is_a_value_error(text: bytes) -> None:
    """As above."""
    with pytest.raises(ValueError):
        decode(b"\x04" + len(text).to_bytes(4, "little") + text)


def test_a_pickled_value_is_no_events() -> None:
    """So a web function cannot be called as if it were another."""
    assert not is_events(dumps(((), {}), None))
    assert not is_events(b"")
