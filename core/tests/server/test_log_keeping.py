"""What happens to calls and containers is kept as lines between those that were printed (log.lines)."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from intermodal.plugins import CallFinished, ContainerExited, InputFailed, LogLine, Notice
from intermodal.server.logs import LogKeeper, LogStore, LogWriter, Retention, open_logs
from intermodal.server.logs.records import LogQuery, LogRecord

TRACE = 'Traceback (most recent call last):\n  File "shop.py", line 3, in sell\nValueError: no\n'


class Kept:
    """A keeper, and what it has kept."""

    def __init__(self, folder: Path) -> None:
        self._store = LogStore(open_logs(folder))
        self._writer = LogWriter(self._store, Retention(float("inf"), 1 << 40), lambda apps: None)
        self.keeper = LogKeeper(self._writer, "main")

    def lines(self, level: int | None = None) -> list[LogRecord]:
        self._writer.settle()
        return list(self._store.tail(LogQuery(environment="main", app="shop", level=level), 10_000).lines)

    def close(self) -> None:
        self._writer.close()
        self._store.close()


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path)
    yield made
    made.close()


def failed(call: str, index: int, count: int = 1) -> InputFailed:
    return InputFailed(
        call=call, app="shop", function="sell", at=1.0, input=index, error="ValueError", message="no",
        traceback=TRACE, count=count, attempt=2, container="c-1",
    )  # fmt: skip


def test_an_exception_is_one_line_with_its_traceback(kept: Kept) -> None:
    """Of level error, between the lines that were printed; with the call, the input, the container, the try."""
    printed = LogLine(app="shop", function="sell", container="c-1", stream=1, text="hi", at=1.0, call="fc-1", input=3)
    kept.keeper.intermodal_log([printed])
    kept.keeper.intermodal_input_failed([failed("fc-1", 3)])
    first, second = kept.lines()
    assert (first.text, first.stream, first.call, first.input, first.level) == ("hi", 1, "fc-1", 3, None)
    assert (second.call, second.input, second.container, second.stream) == ("fc-1", 3, "c-1", 0)
    assert second.level == logging.ERROR
    assert second.text == "input 3 of fc-1 failed on try 2\n" + TRACE.rstrip()
    assert kept.lines(logging.ERROR) == [second]


def test_a_call_with_many_failures_has_a_bounded_number_of_lines(kept: Kept) -> None:
    """The others are counted at its end, and other calls have their own."""
    for index in range(1000):
        kept.keeper.intermodal_input_failed([failed("fc-1", index)])
    kept.keeper.intermodal_input_failed([failed("fc-2", 0, count=5)])
    end = CallFinished(call="fc-1", app="shop", function="sell", at=2.0, succeeded=0, failed=1000)
    kept.keeper.intermodal_call_finished([end, end])
    lines = kept.lines()
    assert len(lines) == 102
    assert lines[100].text.startswith("input 0 of fc-2 and 4 more failed")
    assert lines[101].text == "900 more inputs of fc-1 failed, the last one with ValueError: no"
    kept.keeper.intermodal_input_failed([failed("fc-1", 0)])  # the same id again: counted anew
    assert len(kept.lines()) == 103


@pytest.mark.parametrize(
    ("cause", "code", "asked", "text"),
    [
        ("out_of_memory", 137, False, "container ended (out of memory) with exit code 137: 64 MiB were too few"),
        ("exited", 3, False, "container ended (exited) with exit code 3: 64 MiB were too few"),
        ("start_failed", None, False, "container ended (start failed): 64 MiB were too few"),
        ("exited", 0, False, None),
        ("killed", 137, True, None),
    ],
)
def test_ends_of_containers_are_lines_where_they_were_not_wanted(
    kept: Kept, cause: str, code: int | None, asked: bool, text: str | None
) -> None:
    """With the cause; an end as it should be is none."""
    end = ContainerExited(
        container="c-1", app="shop", function="sell", at=1.0, cause=cause, code=code, asked=asked,
        detail="64 MiB were too few",
    )  # fmt: skip
    kept.keeper.intermodal_container_exited([end])
    assert [(line.text, line.level, line.container) for line in kept.lines()] == (
        [(text, logging.ERROR, "c-1")] if text else []
    )


def test_notices_of_an_app_are_lines(kept: Kept) -> None:
    """Of their level; what is said of no app is nobody's line."""
    kept.keeper.intermodal_notice(
        [
            Notice(level="info", message="waits for a GPU", at=1.0, app="shop", function="sell"),
            Notice(level="warning", message="input 3 runs again", at=1.0, app="shop", call="fc-1", container="c-1"),
            Notice(level="warning", message="nobody's", at=1.0),
        ]
    )
    lines = kept.lines()
    assert [(line.text, line.level) for line in lines] == [
        ("waits for a GPU", logging.INFO),
        ("input 3 runs again", logging.WARNING),
    ]
    assert (lines[1].call, lines[1].container) == ("fc-1", "c-1")
