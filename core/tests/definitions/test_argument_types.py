"""Arguments of the wrong type, or that nothing can be done with, are refused at the call, in words, and nothing else is
done."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Union

import pytest
from hypothesis import given
from hypothesis import strategies as st

import intermodal
from intermodal.client.kinds import kind_of
from intermodal.client.shown import shown
from intermodal.exception import InvalidError

SECRET = "hunter2"


def test_everything_public_refuses_what_its_hints_refuse(tmp_path: Path) -> None:
    """Each argument of each constructor, method and function, with each kind of value: wrong types, nan, numbers beyond
    64 bits, NUL, lone surrogates, very long text. No bare `TypeError`, and what is accepted works later, too."""
    program = Path(__file__).with_name("wrong_arguments.py")
    env = {**os.environ, "INTERMODAL_DATA_DIR": str(tmp_path / "data"), "PYTHONWARNINGS": "ignore"}
    done = subprocess.run([sys.executable, program], env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0), done.stderr
    assert int(done.stderr.rpartition(":")[2]) > 30_000


LEAVES: list[Any] = [str, int, float, bool, None, Literal["a", 1], Any, intermodal.Secret]
HINTS = st.recursive(
    st.sampled_from(LEAVES),
    lambda inner: st.one_of(
        inner.map(lambda hint: Sequence[hint]),
        inner.map(lambda hint: Mapping[str, hint]),
        inner.map(lambda hint: tuple[hint, hint]),
        st.tuples(inner, inner).map(lambda hints: Union[hints]),  # noqa: UP007 - made from data
    ),
    max_leaves=4,
)
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(["a", "", "a\0", "\ud800", 2**63, -(2**63), 10**4000, intermodal.Secret.from_dict({}), object()]),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.tuples(inner, inner),
        st.dictionaries(st.sampled_from(["a", 1, "\0"]), inner, max_size=2),
    ),
    max_leaves=5,
)


def fits(hint: Any, value: Any) -> bool:
    """The rule in its plainest form."""
    arguments = getattr(hint, "__args__", ())
    match getattr(hint, "__origin__", hint):
        case kind if kind is Any:
            return True
        case kind if kind is Union:
            return any(fits(each if each is not type(None) else None, value) for each in arguments)
        case kind if kind is Literal:
            return any(type(value) is type(each) and value == each for each in arguments)
        case kind if kind in (int, float):
            numbers = (int,) if kind is int else (int, float)
            return isinstance(value, numbers) and not isinstance(value, bool) and abs(value) < 2**63
        case kind if kind is str:
            return isinstance(value, str) and value in ("a", "")
        case kind if kind is tuple:
            return isinstance(value, (tuple, list)) and len(value) == 2 and all(fits(arguments[0], v) for v in value)
        case kind if kind is None or kind is type(None):
            return value is None
        case kind if issubclass(kind, Mapping):
            return isinstance(value, dict) and all(fits(str, k) and fits(arguments[1], v) for k, v in value.items())
        case kind if issubclass(kind, Sequence):
            return isinstance(value, (tuple, list)) and all(fits(arguments[0], v) for v in value)
        case kind:
            return isinstance(value, kind)


@given(HINTS, VALUES)
def test_a_hint_accepts_what_it_says(hint: Any, value: Any) -> None:
    """Whatever it is made of; what is not accepted is told in a line."""
    kind = kind_of(hint, eval)
    wrong = None if kind is None else kind.look(value)
    assert (wrong is None) == fits(hint, value)
    if wrong is not None:
        assert "{}" in wrong.place
        assert len(f"{wrong.expected} {shown(wrong.value)}".splitlines()) == 1


@given(st.one_of(st.text(), st.text(min_size=500), st.binary(), st.integers(), st.integers().map(lambda n: n**99)))
def test_a_message_shows_at_most_a_line(value: Any) -> None:
    """The middle of what is long is left out, and what Python will not even write is told by its size."""
    text = shown(value)
    assert len(text) <= 80
    assert text.isprintable()


def calls_with_secrets() -> list[Callable[[], object]]:
    """Mistakes with values of secrets in them."""
    app = intermodal.App("a")
    wrong: Any = SECRET
    return [
        lambda: intermodal.Secret.from_dict(wrong),
        lambda: intermodal.Secret.from_dict({"A": [wrong]}),  # type: ignore[dict-item]
        lambda: intermodal.Secret.from_dict({"A": f"{wrong}\0"}),
        lambda: intermodal.Secret.objects.create("s", wrong),
        lambda: intermodal.CloudBucketMount("bucket", secret=wrong),
        lambda: intermodal.Image.debian_slim().env({"A": wrong.encode()}),
        lambda: intermodal.Image.debian_slim().run_commands("true", secrets=[wrong]),
        lambda: app.function(secrets=wrong),
        lambda: app.function(secrets=[wrong]),
        lambda: app.function(env=wrong),
    ]


@pytest.mark.parametrize("number", range(len(calls_with_secrets())))
def test_no_message_shows_what_may_be_secret(number: int) -> None:
    """It says of what type it was."""
    with pytest.raises(InvalidError, match="not ") as caught:
        calls_with_secrets()[number]()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", ["a b", "a=b", "", " ", "a\nb", "\t"])
def test_what_cannot_be_a_variable_is_refused(name: str) -> None:
    """Wherever variables are given."""
    for use in (intermodal.Secret.from_dict, intermodal.Image.debian_slim().env):
        with pytest.raises(InvalidError, match="cannot be the name of an environment variable"):
            use({name: "x"})


@pytest.mark.parametrize("name", ["method", "enter", "exit", "batched", "concurrent", "asgi_app"])
def test_a_decorator_without_parentheses_says_so(name: str) -> None:
    """That is what is forgotten."""
    with pytest.raises(InvalidError, match=rf"write @intermodal\.{name}\(\) with parentheses"):
        getattr(intermodal, name)(lambda: None)


def test_calls_are_not_looked_at() -> None:
    """What a function is called with is its own, and costs nothing."""
    for name in ("remote", "spawn", "remote_gen"):
        assert not hasattr(vars(intermodal.Function)[name].__wrapped__, "__wrapped__")
