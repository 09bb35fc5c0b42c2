"""Parameters of classes as bytes: the same at every end, and equal for equal values (cls.parameters)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.specs.parameters import Value, decode, encode

VALUES = st.dictionaries(
    st.text(), st.text(st.characters(codec=None)) | st.integers() | st.binary() | st.booleans(), max_size=4
)


@given(VALUES)
def test_they_come_back_with_their_types(values: dict[str, Value]) -> None:
    """True is not 1, and b"1" not "1"; the order in which they were given does not count."""
    back = decode(encode(values))
    assert {name: (type(value), value) for name, value in back.items()} == {
        name: (type(value), value) for name, value in values.items()
    }
    assert encode(dict(reversed(values.items()))) == encode(values)


def test_numbers_have_no_limit() -> None:
    """Not even Python's own for the digits of text."""
    for number in (10**5000, -(10**5000), 1 << 53, -(1 << 53)):
        assert decode(encode({"n": number})) == {"n": number}


def test_others_are_refused() -> None:
    """Before anything is sent."""
    with pytest.raises(TypeError, match="not float"):
        encode({"x": 1.5})  # type: ignore[dict-item]
