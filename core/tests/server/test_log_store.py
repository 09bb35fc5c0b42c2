"""Lines that the server keeps, against a list of them (log.lines)."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import event

from intermodal.exception import InvalidError
from intermodal.plugins import LogLine
from intermodal.plugins.structured import with_fields
from intermodal.server.logs import LogStore, open_logs, schema
from intermodal.server.logs.levels import level_of
from intermodal.server.logs.records import LogQuery, LogRecord
from postgres_server import PostgresServer

LINE = LogLine(app="shop", function="sell", container="c-1", stream=1, text="", at=0.0)
HOSTILE = [
    "\x1b[2J\x1b]0;title\x07",
    "a\x00b NUL a\x00B",
    "bad \udcff\udcfe bytes",
    "<script>alert('x')</script>",
    '{"level": "error", "user": {"id": 42}, "ok": true, "none": null}',
    'INFO:shop:{"n": 1.5, "s": "ü"}',
    '{"n": NaN}',
    "{" * 900 + "}" * 900,
    "100% _under' OR 1=1 --",
    "ERROR:shop: no",
    "",
    "z" * 3000,
]
NAMES = st.sampled_from(["shop", "shop2", "Shop"])
LINES = st.builds(
    LogLine,
    app=NAMES,
    function=st.sampled_from(["sell", "buy"]),
    container=st.sampled_from(["c-1", "c-2"]),
    call=st.sampled_from([None, "fc-1", "fc-2"]),
    input=st.sampled_from([None, 0, 7]),
    stream=st.sampled_from([1, 2]),
    at=st.integers(0, 40).map(float),
    text=st.sampled_from(HOSTILE),
)
QUERIES = st.builds(
    LogQuery,
    environment=st.sampled_from(["main", "dev"]),
    app=st.sampled_from(["", "shop"]),
    function=st.sampled_from(["", "sell"]),
    container=st.sampled_from(["", "c-2"]),
    call=st.sampled_from(["", "fc-1"]),
    since=st.sampled_from([None, 10.0, 39.5, 100.0]),
    until=st.sampled_from([None, 20.0, 0.0]),
    search=st.sampled_from(["", "NUL A", "\x00B", "\udcff", "%", "script", "'", "ü", "nowhere"]),
    level=st.sampled_from([None, 20, 40]),
    fields=st.sampled_from([(), (("user.id", "42"),), (("ok", "true"),), (("none", "null"), ("level", "error"))]),
)


def member(line: LogRecord, path: str) -> str | None:
    """As the page says that members are written."""
    value: object = line.fields
    for name in path.split("."):
        value = value.get(name, line) if isinstance(value, dict) else line
    words = {True: "true", False: "false", None: "null"}
    return None if value is line else words[value] if value in (True, False, None) else str(value)  # type: ignore[index]


def matches(query: LogQuery, line: LogRecord) -> bool:
    """What a reader may expect of a line that it is given."""
    ways = ("app", "function", "container", "call")
    return (
        line.environment == query.environment
        and all(getattr(query, way) in ("", getattr(line, way)) for way in ways)
        and (query.since is None or line.at >= query.since)
        and (query.until is None or line.at < query.until)
        and lowered(query.search) in lowered(line.text)
        and (query.level is None or (line.level or 0) >= query.level)
        and all(member(line, path) == value for path, value in query.fields)
    )


def lowered(text: str) -> bytes:
    """Case counts beyond ASCII."""
    return text.encode("utf-8", "surrogateescape").lower()


class LogMachine(RuleBasedStateMachine):
    """Whatever is kept, asked and removed: the answers are those of a list of which the oldest part has gone."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.url = url
        database = open_logs(Path(self.folder.name), url)
        with database.begin() as connection:  # where there is only one: from the example before
            connection.execute(schema.LINES.delete())
            connection.execute(schema.BLOCKS.delete())
        database.dispose()
        self.store = self.opened()
        self.model: list[LogRecord] = []
        self.ever = 0

    def opened(self) -> LogStore:
        return LogStore(open_logs(Path(self.folder.name), self.url), block_lines=4)

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    @rule(environment=st.sampled_from(["main", "dev"]), lines=st.lists(LINES, max_size=10))
    def append(self, environment: str, lines: list[LogLine]) -> None:
        self.store.append([(environment, line) for line in with_fields(lines)])
        for line in with_fields(lines):
            self.ever += 1
            self.model.append(
                LogRecord(
                    id=self.ever,
                    environment=environment,
                    level=level_of(line.text, line.fields),
                    **{name: getattr(line, name) for name in ("at", "app", "function", "container", "call", "input")},
                    stream=line.stream,
                    text=line.text,
                )
            )

    @rule(query=QUERIES, limit=st.integers(1, 7))
    def tail(self, query: LogQuery, limit: int) -> None:
        expected = [line for line in self.model if matches(query, line)]
        page = self.store.tail(query, limit)
        assert (list(page.lines), page.cursor) == (expected[-limit:], self.ever)
        assert page.more is (len(expected) > limit)
        if page.lines:
            earlier = self.store.tail(query, limit, before=page.lines[0].id)
            assert list(earlier.lines) == expected[:-limit][-limit:]

    @rule(query=QUERIES, limit=st.integers(1, 7), back=st.integers(0, 12))
    def resume(self, query: LogQuery, limit: int, back: int) -> None:
        """Page after page from any id on: each line once, in order; a gap is told where the id's next line is gone."""
        cursor = start = max(0, self.ever - back)
        found: list[LogRecord] = []
        more = True
        while more:
            page = self.store.after(query, cursor, limit)
            assert page.gap is (cursor > 0 and cursor + 1 < self.oldest)
            found += page.lines
            cursor, more = page.cursor, page.more
        assert found == [line for line in self.model if line.id > start and matches(query, line)]
        assert cursor == self.ever

    @property
    def oldest(self) -> int:
        return self.model[0].id if self.model else self.ever + 1

    @rule(before=st.integers(0, 45).map(float))
    def prune(self, before: float) -> None:
        """The oldest go, as long as they are too old; a line that is young enough never does."""
        self.store.prune(before, 1 << 40)
        self.take_over(lambda gone: all(line.at < before for line in gone))

    @rule()
    def shrink(self) -> None:
        """A file that may hold nothing holds no line."""
        self.store.prune(0.0, 0)
        self.take_over(lambda gone: True)
        assert not self.model

    def take_over(self, allowed: object) -> None:
        assert callable(allowed)
        left = {
            line.id for name in ("main", "dev") for line in self.store.after(LogQuery(environment=name), 0, 10**6).lines
        }
        gone = [line for line in self.model if line.id not in left]
        assert gone == self.model[: len(gone)]
        assert allowed(gone)
        del self.model[: len(gone)]

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = self.opened()

    @invariant()
    def nothing_is_there_twice(self) -> None:
        count = sum(len(self.store.tail(LogQuery(environment=name), 10**6).lines) for name in ("main", "dev"))
        assert count == len(self.model)


def test_the_answers_are_those_of_a_list(database_url: str) -> None:
    """See `LogMachine`."""
    bounds = settings(max_examples=12, stateful_step_count=15, deadline=None)
    run_state_machine_as_test(lambda: LogMachine(database_url), settings=bounds)


@pytest.fixture
def store(tmp_path: Path, database_url: str) -> Iterator[LogStore]:
    made = LogStore(open_logs(tmp_path, database_url))
    yield made
    made.close()


MAIN = LogQuery(environment="main", app="shop")


def test_pages_are_bounded_by_what_lines_hold(store: LogStore) -> None:
    """Lines of a MiB: a page ends early, and says that there is more."""
    store.append([("main", replace(LINE, text=str(number) + "x" * (1 << 20))) for number in range(9)])
    page = store.after(MAIN, 0, 100)
    assert (len(page.lines), page.more) == (4, True)
    assert [line.text[0] for line in store.after(MAIN, page.cursor, 100).lines] == ["4", "5", "6", "7"]
    assert [line.text[0] for line in store.tail(MAIN, 100).lines] == ["5", "6", "7", "8"]


def test_the_file_stays_within_its_bound_and_shrinks_with_it(tmp_path: Path) -> None:
    """Whatever is written; and the newest lines are those that are left."""
    store = LogStore(open_logs(tmp_path))
    bound, path = 4 << 20, tmp_path / "logs.db"
    for turn in range(30):
        store.append([("main", replace(LINE, text=f"{turn} " + "x" * 1000)) for _ in range(1000)])
        store.prune(0.0, bound)
    assert path.stat().st_size < 2 * bound
    left = store.tail(MAIN, 10_000).lines
    assert left[-1].text.startswith("29 ")
    assert left[-1].id == 30_000
    assert len(left) > 1000
    store.prune(0.0, bound // 4)
    store.close()
    assert path.stat().st_size < bound


@pytest.mark.parametrize("path", ["", 'a"b', "a\0b", "a.\udcff"])
def test_fields_that_cannot_be_asked_for_are_refused(store: LogStore, path: str) -> None:
    """With words."""
    with pytest.raises(InvalidError, match=r"user\.id"):
        store.tail(replace(MAIN, fields=((path, "1"),)), 1)


@given(st.text(max_size=30), st.none() | st.dictionaries(st.sampled_from(["level", "severity"]), st.text(max_size=8)))
def test_any_line_may_say_how_grave_it_is(text: str, fields: dict[str, str] | None) -> None:
    """Or may not; none breaks the reader."""
    assert level_of(text, fields) in (None, 10, 20, 30, 40, 50)


@pytest.mark.parametrize(
    ("text", "level"),
    [("ERROR:root: no", 40), ("[warning] low", 30), ("INFO: up", 20), ("INFORMATION: x", None), ("error", None)],
)
def test_levels_are_read_from_prefixes(text: str, level: int | None) -> None:
    """As the standard library and others write them."""
    assert level_of(text, None) == level


def test_what_an_index_serves_reads_few_lines(tmp_path: Path) -> None:
    """In steps of SQLite's machine, which are the same everywhere: a small part of what reading everything takes."""
    steps: list[int] = []
    database = open_logs(tmp_path)
    database.dispose()
    event.listen(database, "connect", lambda made, _: made.set_progress_handler(lambda: steps.append(1), 100))
    store = LogStore(database)
    lines = (
        replace(LINE, app=f"app-{number % 50}", text=f"line {number}", at=float(number)) for number in range(20_000)
    )
    store.append(("main", line) for line in lines)

    def took(query: LogQuery) -> int:
        steps.clear()
        store.tail(query, 50)
        return len(steps)

    everything = took(LogQuery(environment="main", search="nowhere"))
    for query in (
        LogQuery(environment="main"),
        LogQuery(environment="main", search="line 1"),
        LogQuery(environment="main", app="app-7"),
        LogQuery(environment="main", app="app-7", container="none"),
        LogQuery(environment="main", call="fc-none"),
        LogQuery(environment="main", since=10_000.0, until=10_100.0),
    ):
        assert took(query) < everything / 10, query
    store.close()


def test_in_postgresql_lines_are_bounded_by_what_they_say(tmp_path: Path, postgres_server: PostgresServer) -> None:
    """As its tables do not become smaller: the newest lines are those that are left."""
    with postgres_server.database() as url:
        store = LogStore(open_logs(tmp_path, url))
        for turn in range(5):
            store.append([("main", replace(LINE, text=f"{turn} " + "x" * 1000)) for _ in range(1000)])
        store.prune(0.0, 3 << 20)
        left = store.tail(MAIN, 10_000).lines
        assert (left[-1].id, len(left)) == (5000, 2000)
        store.prune(0.0, 0)
        assert store.tail(MAIN, 10).lines == []
        store.append([("main", LINE)])
        assert [line.id for line in store.tail(MAIN, 10).lines] == [5001]
        store.close()


@pytest.mark.parametrize(
    "text",
    [
        '{"s": "\\u0000"}',
        '{"s": "\\ud800"}',
        '{"n": 1e999}',
        '{"n": ' + "9" * 4000 + "}",
        '{"a":' * 800 + "1" + "}" * 800,
        '{"a": [' + "[]," * 2000 + "1]}",
        '{"": {"": 1}}',
        '{"a.b": 1, "a": {"b": 2}}',
    ],
)
def test_no_record_keeps_others_from_being_kept(store: LogStore, text: str) -> None:
    """Whatever Python takes for JSON."""
    store.append([("main", line) for line in with_fields([replace(LINE, text=text), replace(LINE, text='{"a": 1}')])])
    assert [line.text for line in store.tail(MAIN, 10).lines] == [text, '{"a": 1}']
    assert [line.text for line in store.tail(replace(MAIN, fields=(("a", "1"),)), 10).lines] == ['{"a": 1}']
    for path in ("s", "a.b", ".", "s.x"):
        store.tail(replace(MAIN, fields=((path, "\0"),)), 10)
