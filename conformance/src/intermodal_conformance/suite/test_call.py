"""call.*"""

from __future__ import annotations

import pytest

from intermodal.exception import DeserializationError, ExecutionError, SerializationError
from intermodal_conformance.apps import calls
from intermodal_conformance.apps.common import Broken
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target

VALUES = [
    0,
    -1,
    2**70,
    1.5,
    "",
    "ü€",
    b"\x00\xff",
    None,
    True,
    [],
    [1, [2]],
    {"a": (1,)},
    {1, 2},
    range(3),
    b"x" * (3 << 20),
]
FAILURES = [
    (ValueError, "ValueError", ("a", 1)),
    (KeyError, "KeyError", ("k",)),
    (FileNotFoundError, "FileNotFoundError", (2, "gone")),
    (Broken, "Broken", (7,)),
    (SystemExit, "SystemExit", (3,)),
]


@requirement("call.identity")
def test_a_value_comes_back_as_it_went(target: Target) -> None:
    """Also large ones, and through `.local()`."""
    for value in VALUES:
        assert calls.echo.remote(value) == value
        assert type(calls.echo.remote(value)) is type(value)
        assert calls.echo.local(value) == value


@requirement("call.identity")
def test_arguments_arrive_by_place_and_by_name(target: Target) -> None:
    """As they do in a local call."""
    assert calls.describe.remote(1, "b", z=3, a=4) == ((1, "b"), {"a": 4, "z": 3})
    assert calls.describe.remote() == ((), {})
    assert list(calls.describe.remote(1, z=2)) == list(calls.describe.local(1, z=2))


@requirement("call.identity")
def test_it_runs_in_a_container_and_not_here(target: Target) -> None:
    """Another process, which knows that it is a container."""
    assert calls.where.remote()["local"] is False
    assert calls.where.local()["local"] is True


@requirement("call.identity")
def test_what_cannot_be_pickled_is_named(target: Target) -> None:
    """An argument before it is sent, a result after."""
    with pytest.raises(SerializationError, match="generator"):
        calls.echo.remote(x for x in range(3))
    with pytest.raises(SerializationError, match="generator"):
        calls.unpicklable.remote()


@requirement("call.errors")
@pytest.mark.parametrize(("kind", "name", "args"), FAILURES, ids=[name for _, name, _ in FAILURES])
def test_an_exception_keeps_its_type_and_shows_where_it_was_raised(
    target: Target, kind: type[BaseException], name: str, args: tuple[object, ...]
) -> None:
    """The original type and arguments, with the remote traceback as its cause."""
    with pytest.raises(BaseException) as caught:
        calls.fail.remote(name, *args)
    assert type(caught.value) is kind
    if kind is Broken:
        assert caught.value.code == 7  # type: ignore[attr-defined]
    else:
        assert caught.value.args == args
    assert "raise kinds[kind](*args)" in str(caught.value.__cause__)


@requirement("call.errors")
def test_an_exception_that_cannot_be_rebuilt_becomes_an_execution_error(target: Target) -> None:
    """With its type and message in words, and the remote traceback."""
    with pytest.raises(ExecutionError, match=r"Broken.*broken 9") as caught:
        calls.raise_unpicklable.remote()
    assert "raise error" in str(caught.value.__cause__)


@requirement("call.errors")
def test_an_argument_that_cannot_be_unpickled_fails_its_own_input_only(target: Target) -> None:
    """The other inputs of the same map have their values."""
    values = list(calls.echo.map([1, calls.Undecodable(), 3], return_exceptions=True))
    assert values[::2] == [1, 3]
    assert type(values[1]) is DeserializationError
    assert "only in a container" in str(values[1])
