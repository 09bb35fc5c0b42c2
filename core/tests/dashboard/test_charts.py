"""Charts that the server draws."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from intermodal.dashboard.charts import Chart, Drawn, Line, chart
from intermodal.dashboard.traffic import amount, charts
from intermodal.server.activity import Cells

VALUES = st.lists(st.none() | st.floats(0.0, 1e9), min_size=1, max_size=30)
ANY = st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8)


def drawn(*lines: Line, bars: bool = False) -> Drawn:
    """A chart of these from 0 on, a second for each value."""
    return chart(Chart("Calls", amount, 0.0, 1.0, lines, bars=bars), str)


@given(VALUES)
def test_everything_is_drawn_inside(values: list[float | None]) -> None:
    """And the upper edge is a round number that nothing exceeds."""
    lines, bars = drawn(Line("a", values)), drawn(Line("a", values), Line("b", values), bars=True)
    for path in lines.paths:
        for x, y in re.findall(r"[ML]([\d.e-]+) ([\d.e-]+)", path[1]):
            assert 0 <= float(x) <= len(values)
            assert 0 <= float(y) <= 100
    for column in bars.columns:
        for _, y, height in column.bars:
            assert -0.02 <= y <= 100
            assert 0 <= height <= 100.02


@given(ANY)
def test_no_number_breaks_a_chart(values: list[float | None]) -> None:
    """However great, or far below zero."""
    made = drawn(Line("a", values), Line("b", values))
    assert "inf" not in made.top + made.low
    for _, path in made.paths:
        for _, y in re.findall(r"[ML](\S+) ([^LM]+)", path):
            assert 0 <= float(y) <= 100
    drawn(Line("a", values), Line("b", values), bars=True)


def test_a_value_that_is_missing_is_a_gap() -> None:
    """Not a zero; one value alone can be seen, too."""
    (path,) = drawn(Line("a", [1.0, 1.0, None, 1.0])).paths
    assert path == ("1", "M0.1 0.0L0.5 0.0L1.5 0.0L1.9 0.0M3.1 0.0L3.5 0.0L3.9 0.0")


def test_each_moment_says_its_values_in_words() -> None:
    """For who points at it."""
    made = drawn(Line("good", [1.0, None]), Line("bad", [2.0, 0.0]), bars=True)
    assert [column.text for column in made.columns] == ["0.0\ngood 1\nbad 2", "1.0\nbad 0"]
    assert made.legend == [("1", "good", "1"), ("1", "bad", "0")]
    assert made.top == "5"


def test_an_hour_without_calls_says_that_there_is_nothing() -> None:
    """The newest part is the one that goes on."""
    cells = Cells(15.0, 240)
    assert all(each.empty for each in charts(cells, 10_000.0))
    cells.at(10_000.0).ended(0.5, 3, 1)
    calls, spans, ends = charts(cells, 10_000.0)
    assert [each.empty for each in (calls, spans, ends)] == [False] * 3
    assert [len(each.columns) for each in (calls, spans, ends)] == [60] * 3
    assert "failed 1" in ends.columns[-1].text
    assert calls.until > 10_000.0 >= calls.until - 60
