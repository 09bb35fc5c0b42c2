"""Values to payloads and back, in one process."""

from __future__ import annotations

import pickle
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from intermodal.wire import payload

_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.just({}),
    st.just([]),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    _LEAVES, lambda inner: st.one_of(st.lists(inner).map(tuple), st.lists(inner), st.dictionaries(st.text(), inner))
)


@given(VALUES)
def test_every_value_comes_back_as_it_went(value: Any) -> None:
    """Whether it is plain enough for the short way or not."""
    back = payload.loads(payload.dumps(value, None))
    assert back == value
    assert type(back) is type(value)


@given(st.integers(0, 2000))
def test_depth_is_no_matter(depth: int) -> None:
    """A value that nests deeper than the short way looks is pickled by the long one."""
    value: Any = ()
    for _ in range(depth):
        value = (value,)
    deeper: Any = value
    for _ in range(50):  # what pickles it calls through some frames of its own
        deeper = (deeper,)
    try:
        pickle.dumps(deeper, 5)
    except RecursionError:
        return
    expected = pickle.dumps(value, 5)
    assert payload.dumps(value, None) == b"\0" + expected


def test_a_number_can_be_large() -> None:
    """Its type is plain; its pickle is as long as any."""
    number = 1 << (payload.SHARED_FROM * 9)
    assert payload.loads(payload.dumps(number, None)) == number


class Marked(str):
    """A subclass is more than what it derives from."""


def test_subclasses_keep_their_type() -> None:
    """Only exact built-in types take the short way."""
    assert type(payload.loads(payload.dumps(Marked("x"), None))) is Marked
