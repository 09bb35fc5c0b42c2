"""Structured records and metrics in what containers print: whatever a program writes, no more is read than is there."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.builtin.metrics import parse_metrics
from intermodal.plugins.structured import parse_fields

MIB = 1 << 20
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.text(max_size=8), VALUES, max_size=5)
PREFIXES = st.text(st.characters(exclude_characters="{\n", exclude_categories=["Cs"]), max_size=30)
#: Braces and quotes more often than chance would have them.
NEARLY = st.lists(
    st.sampled_from(["{", "}", '"', ":", "[", "]", ",", " ", "a", "1", "INFO:x:", "\\"]), max_size=40
).map("".join)


@given(PREFIXES, OBJECTS, st.sampled_from(["", " ", "\t", "\r"]))
def test_an_object_at_the_end_of_a_line_is_its_record(prefix: str, record: dict[str, object], end: str) -> None:
    """Whatever stands before it, nothing included, and whatever is in it."""
    assert parse_fields(prefix + json.dumps(record) + end) == record


@given(st.text() | NEARLY)
def test_any_line_may_come(text: str) -> None:
    """A record is what JSON says from the first brace on, or there is none."""
    found = parse_fields(text)
    if found is None:
        return
    assert found == json.loads(text[text.index("{") :])


@pytest.mark.parametrize(
    "line",
    [
        "",
        "plain",
        "{}x",
        "{a} b",
        "INFO:x:[1, 2]",
        'torn {"a": {"b": 1}',
        'x {"a": 1} y',
        '{"a": 1} {"b": 2}',
        "set {1, 2}",
    ],
)
def test_no_record(line: str) -> None:
    """Other brackets, torn records, text behind: the inside of something else is not taken for the record."""
    assert parse_fields(line) is None


@pytest.mark.parametrize(
    ("line", "record"),
    [
        ('{"event": "start", "n": 1}', {"event": "start", "n": 1}),
        ('INFO:__main__:{"event": "start"}', {"event": "start"}),
        ('2026-01-01 10:00:00,123 - app - INFO - {"a": {"b": [1, {"c": null}]}}', {"a": {"b": [1, {"c": None}]}}),
        ("[WARNING] {}", {}),
    ],
)
def test_what_loggers_write(line: str, record: dict[str, object]) -> None:
    """With the usual formats before it."""
    assert parse_fields(line) == record


def test_lines_of_a_mib() -> None:
    """Records so long are read; what only looks like one costs no more than a pass."""
    record = {"text": "x" * MIB, "more": list(range(1000))}
    assert parse_fields("INFO:big:" + json.dumps(record)) == record
    assert parse_fields("{" * MIB + "}") is None
    assert parse_fields('{"a":' * (MIB // 5) + "1" + "}" * (MIB // 5)) is None
    assert parse_fields('{"a":' + "9" * MIB + "}") is None
    assert parse_fields("{" + '"a",' * (MIB // 4) + "}") is None


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[A-Za-z_][\w.:/-]{0,10}", fullmatch=True).filter(str.isascii),
            st.floats(allow_nan=False, allow_infinity=False),
            st.sampled_from(["", "s", "ms", "tok/s", "%", "MiB"]),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_metrics_are_read_as_they_were_printed(items: list[tuple[str, float, str]]) -> None:
    """Any float that Python prints, with any unit."""
    text = "METRIC " + " ".join(f"{name}={value!r}{unit}" for name, value, unit in items)
    assert list(parse_metrics(text)) == items


@given(st.text())
def test_any_line_may_claim_to_be_a_metric(text: str) -> None:
    """It is read or passed over."""
    assert all(isinstance(value, float) for _, value, _ in parse_metrics("METRIC " + text))


def test_words_that_begin_like_numbers() -> None:
    """ "information" is no infinity."""
    assert list(parse_metrics("METRIC a=information b=nano c=1.2.3 d=-.5e2")) == [("d", -50.0, "")]
    ((name, value, unit),) = parse_metrics("METRIC loss=nan")
    assert (name, math.isnan(value), unit) == ("loss", True, "")


@pytest.mark.parametrize("tail", ["", "!", ".1.", "e+", "=", "E" * 1000])
def test_metric_lines_of_a_mib(tail: str) -> None:
    """One pass, for hostile ones too."""
    assert len(list(parse_metrics("METRIC a=" + "1" * MIB + tail))) == (tail == "" or tail.isalpha())
    assert len(list(parse_metrics("METRIC " + "a=1 " * (MIB // 4)))) == MIB // 4
