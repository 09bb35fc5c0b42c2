"""What requests with JSON ask for, and how what becomes of a call is told in HTTP."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.exception import InvalidError
from intermodal.server.rest.answers import of_call
from intermodal.server.rest.bodies import asked
from intermodal.specs.parameters import decode
from intermodal.specs.status import CANCELLED, ERROR, OK
from intermodal.wire import json_values, raised
from intermodal.wire.payload import dumps, failed, loads

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(JSON, max_size=3), st.dictionaries(st.text(), JSON, max_size=3))
def test_arguments_arrive_as_they_were_written(args: list[object], kwargs: dict[str, object]) -> None:
    """In the envelope, and what is no envelope as arguments by name."""
    body = json.dumps({"args": args, "kwargs": kwargs}).encode()
    assert loads(asked(body).payload) == [args, kwargs]
    if not kwargs.keys() & {"args", "kwargs", "parameters"}:
        assert loads(asked(json.dumps(kwargs).encode()).payload) == [[], kwargs]


def test_an_empty_body_gives_no_arguments() -> None:
    """As one that is an empty object."""
    assert loads(asked(b"").payload) == loads(asked(b"{}").payload) == [[], {}]


def test_a_function_may_have_arguments_with_the_names_of_the_envelope() -> None:
    """Beside others, or within the envelope."""
    assert loads(asked(b'{"args": 1, "x": 2}').payload) == [[], {"args": 1, "x": 2}]
    assert loads(asked(b'{"kwargs": {"args": 1}}').payload) == [[], {"args": 1}]


def test_parameters_of_a_class_come_beside_the_arguments() -> None:
    """They are the ones that a program's would be."""
    assert decode(asked(b'{"args": [1], "parameters": {"factor": 5, "on": true}}').parameters) == {
        "factor": 5,
        "on": True,
    }


@pytest.mark.parametrize(
    "body",
    [
        b"[1]",
        b"3",
        b"{",
        b"\xff",
        b'{"x": NaN}',
        b'{"x": 1e999}',
        b'{"args": [-1e999]}',
        b'{"args": {}}',
        b'{"kwargs": []}',
        b'{"parameters": {"x": [1]}}',
        b'{"x": ' + b"[" * 100_000,
    ],
)
def test_what_is_no_such_body_is_refused_with_how_to_write_it(body: bytes) -> None:
    """In a short message."""
    with pytest.raises(InvalidError) as caught:
        asked(body)
    assert len(str(caught.value)) < 300


def test_a_result_is_the_body_itself() -> None:
    """One that no call over HTTP can have given is an error, and so is one that a container has forged."""
    answer = of_call(OK, json_values.encode({"sum": 3}, "f()"), {"Intermodal-Call": "fc-1"})
    assert (answer.status_code, answer.body) == (200, b'{"sum":3}')
    assert answer.headers["content-type"] == "application/json"
    for payload in (dumps(3, None), b"\x06{", b"\x06" + b"[" * 100_000):
        assert of_call(OK, payload, {}).status_code == 500


def test_errors_are_told_with_type_message_and_traceback() -> None:
    """Those of user code are 500, whatever they are called; ours have the status that HTTP has for them."""
    payload = raised.encode(raised.Raised("NotFoundError", "sold out", "Traceback ..."))
    answer = of_call(ERROR, payload, {})
    assert answer.status_code == 500
    assert json.loads(answer.body) == {"error": "NotFoundError", "message": "sold out", "traceback": "Traceback ..."}
    for error, status in (("FunctionTimeoutError", 504), ("ResourceExhaustedError", 503), ("RemoteError", 500)):
        answer = of_call(ERROR, failed(error, "f: why"), {})
        assert (answer.status_code, json.loads(answer.body)) == (status, {"error": error, "message": "f: why"})
    assert of_call(CANCELLED, b"", {}).status_code == 503
