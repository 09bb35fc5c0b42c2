"""Parameters of a function as options of the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.cli.arguments import options_of, signature_of

TEXT = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=10)


def parse(function, words: list[str]) -> dict:
    options = options_of(signature_of(function, "main"), "main")
    return click.Command("main", params=options).make_context("main", list(words)).params


def everything(
    text: str,
    number: int,
    ratio: float,
    flag: bool,
    when: datetime,
    kind: Literal["a", "b", 3],
    where: Path,
    many: list[int],
    maybe: int | None = None,
    newer: float | None = None,
) -> None: ...


@given(
    text=TEXT,
    number=st.integers(),
    ratio=st.floats(allow_nan=False),
    flag=st.booleans(),
    when=st.datetimes(timezones=st.none() | st.just(UTC)),
    kind=st.sampled_from(["a", "b", 3]),
    where=st.from_regex(r"[a-z]{1,5}/[a-z]{1,5}", fullmatch=True).map(Path),
    many=st.lists(st.integers(), min_size=1),
    maybe=st.none() | st.integers(),
    newer=st.none() | st.floats(allow_nan=False),
)
def test_values_written_as_options_come_back_the_same(**values) -> None:
    """Every supported type makes the round trip from its text."""
    words = []
    for name, value in values.items():
        if value is None:
            continue
        if name == "flag":
            words.append("--flag" if value else "--no-flag")
            continue
        items = value if name == "many" else [value]
        words += [f"--{name}={item.isoformat() if isinstance(item, datetime) else item}" for item in items]
    parsed = parse(everything, words)
    assert {**parsed, "many": list(parsed["many"])} == values


def test_defaults_apply_and_unannotated_parameters_take_the_defaults_type() -> None:
    """`def main(n=3, verbose=True, name=None)`."""

    def main(n=3, verbose=True, name=None): ...

    assert parse(main, []) == {"n": 3, "verbose": True, "name": None}
    assert parse(main, ["--n", "4", "--no-verbose", "--name", "x"]) == {"n": 4, "verbose": False, "name": "x"}


def test_underscores_are_dashes_on_the_command_line() -> None:
    """--batch-size sets batch_size."""

    def main(batch_size: int): ...

    assert parse(main, ["--batch-size", "7"]) == {"batch_size": 7}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--n", "three"], "'three' is not a valid int"),
        ([], "Missing option '--n'"),
        (["--n", "1", "--m", "2"], "No such option.*--m"),
        (["--n", "1", "--when", "soon"], "'soon' is no date or time: write it like 2026-01-31"),
        (["--n", "1", "--kind", "c"], "'c' is not one of a, b"),
    ],
)
def test_wrong_words_are_usage_errors(words, message) -> None:
    """Exit code 2, and the message says what is wrong with which option."""

    def main(n: int, when: datetime = datetime(2026, 1, 1), kind: Literal["a", "b"] = "a"): ...

    with pytest.raises(click.UsageError) as caught:
        parse(main, words)
    assert re.search(message, caught.value.format_message())
    assert caught.value.exit_code == 2


def test_a_required_parameter_of_another_type_is_refused() -> None:
    """And one with a default is no option."""

    def refused(table: dict): ...

    def fine(table: dict = {}): ...  # noqa: B006

    with pytest.raises(click.UsageError, match=r"'table: dict' of main.*annotate it as str, int"):
        parse(refused, [])
    assert parse(fine, []) == {}


def test_unreadable_annotations_are_named() -> None:
    """A name that does not exist when the annotations are read."""

    def main(x: Missing): ...  # noqa: F821

    with pytest.raises(click.UsageError, match="annotations of main cannot be read: name 'Missing'"):
        parse(main, [])


def test_star_words_take_the_command_line_as_it_is() -> None:
    """`def main(*words)` gets every word; beside other parameters it is refused."""

    def main(*words: str): ...

    def mixed(n: int, *words: str): ...

    assert signature_of(main, "main").takes_words
    with pytest.raises(click.UsageError, match=r"\*words"):
        parse(mixed, [])


def test_help_comes_from_the_docstring() -> None:
    """The text above its sections, and the line of each parameter."""

    def main(n: int = 3):
        """Count things.

        Args:
            n: how many of them
        """

    signature = signature_of(main, "main")
    command = click.Command("main", params=options_of(signature, "main"), help=signature.summary)
    text = command.get_help(click.Context(command))
    assert "Count things." in text
    assert "Args:" not in text
    assert "how many of them  [default: 3]" in text
