"""No number that a container or a program gives stops the engine: it counts with each of them."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import intermodal
from intermodal.driver.numbers import count, seconds
from intermodal.exception import InvalidError
from intermodal.specs import DebianSlim, ImageSpec, Resources, SandboxSpec, from_json, to_json

NEVER = [math.nan, math.inf, -math.inf]
ANYTHING = st.one_of(st.floats(), st.integers(), st.none(), st.booleans(), st.text(max_size=3), st.lists(st.integers()))


@given(ANYTHING)
def test_numbers_of_clients_can_be_counted_with(value: Any) -> None:
    """What is taken has an order and a sum; anything else is a `ValueError`, which answers the request."""
    for taken in (seconds, count):
        try:
            number = taken(value)
        except ValueError:
            continue
        assert 0 <= number < math.inf
        assert number == value


@pytest.mark.parametrize("number", NEVER)
@pytest.mark.parametrize("field", ["timeout_s", "idle_timeout_s", "cpu"])
def test_a_definition_with_a_number_that_is_none_is_not_read(field: str, number: float) -> None:
    """JSON can carry it; a hostile container may send it."""
    value = to_json(SandboxSpec(app="a", image=ImageSpec(base=DebianSlim(python="3.11"))))
    (value["resources"] if field == "cpu" else value)[field] = number
    with pytest.raises(ValueError, match=field):
        from_json(SandboxSpec, value)


@pytest.mark.parametrize("number", [*NEVER, -1.0])
def test_nobody_reserves_what_cannot_be_added_up(number: float) -> None:
    """Less than nothing would let others have more than there is."""
    with pytest.raises(ValueError, match="no amount"):
        Resources(cpu=number)


@pytest.mark.parametrize("number", NEVER)
@pytest.mark.parametrize("option", ["cpu", "timeout", "startup_timeout", "scaledown_window"])
def test_a_function_is_refused_such_a_number(option: str, number: float) -> None:
    """One line, when it is defined."""
    options: dict[str, Any] = {option: number}
    with pytest.raises(InvalidError, match=f"{option} must be a number of a sensible size"):
        intermodal.App("a").function(**options)(len)
