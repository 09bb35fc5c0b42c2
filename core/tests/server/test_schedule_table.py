"""Schedules and their runs in a database: each slot once, whatever clock and server do (deploy.schedule)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import StaticPool

from drawn_schedules import ANCHOR, schedules
from intermodal.exception import NotFoundError
from intermodal.server.database import METADATA, open_database
from intermodal.server.schedules.slots import slots
from intermodal.server.schedules.table import Key, ScheduleTable
from intermodal.server.schedules.turns import turn
from intermodal.specs import CronSpec, PeriodSpec, ScheduleSpec

KEY = Key("main", "shop", "nightly")
HOURLY = CronSpec(expression="0 * * * *")
NOON = datetime(2026, 6, 1, 12, 30, tzinfo=UTC).timestamp()
HOUR, DAY = 3600.0, 86400.0


def in_memory() -> Engine:
    """A database of its own."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    METADATA.create_all(engine)
    return engine


@pytest.fixture
def table(tmp_path: Path, database_url: str) -> Iterator[ScheduleTable]:
    database = open_database(tmp_path, database_url)
    made = ScheduleTable(database)
    made.replace("main", "shop", {"nightly": HOURLY}, NOON)
    yield made
    database.dispose()


def look(table: ScheduleTable, now: float) -> float | None:
    """What a server does that looks at its clock: the slot that it takes."""
    (schedule,) = table.all()
    slot, seen = turn(slots(schedule.spec, schedule.since), schedule.seen, now)
    if slot is None:
        table.see(KEY, seen)
        return None
    return slot if table.claim(KEY, slot, now) is not None else None


moves = st.one_of(
    st.floats(0.1, 2 * HOUR),
    st.floats(-2 * HOUR, 2 * HOUR),
    st.floats(-40 * DAY, 40 * DAY),
    st.sampled_from([HOUR, -HOUR, DAY, -DAY]),
)


@given(schedules, st.lists(moves, min_size=1, max_size=25))
def test_a_slot_runs_once_whatever_the_clock_says(spec: ScheduleSpec, moved: list[float]) -> None:
    """Set forward and back, by an hour or by weeks: no slot is taken twice; and when the clock goes on, so do runs."""
    database = in_memory()
    table = ScheduleTable(database)
    table.replace("main", "shop", {"nightly": spec}, ANCHOR)
    times, now, taken = slots(spec, ANCHOR), ANCHOR, []
    for move in moved:
        now += move
        taken.append(look(table, now))
    look(table, now)  # a clock that was mended is believed
    for _ in range(len(moved) + 2):
        following = times.after(max(now, table.all()[0].seen))
        assert following is not None
        assert following - now < 2 * DAY + 2 * (times.after(now) or now)
        now = following
        taken.append(look(table, now))
    slots_taken = [slot for slot in taken if slot is not None]
    assert len(slots_taken) == len(set(slots_taken))
    assert taken[-1] == now or now in slots_taken
    assert all(times.after(slot - 0.001) == slot for slot in slots_taken)
    database.dispose()


def test_the_clock_an_hour_on_and_back(table: ScheduleTable) -> None:
    """The slot that came early does not come again; the next one does (faults 8)."""
    assert look(table, NOON + HOUR) == NOON + HOUR / 2
    assert look(table, NOON + 2 * HOUR) == NOON + 1.5 * HOUR
    assert look(table, NOON + 1.6 * HOUR - HOUR) is None
    assert look(table, NOON + 1.6 * HOUR) is None
    assert look(table, NOON + 2.5 * HOUR) == NOON + 2.5 * HOUR


def test_a_clock_that_was_years_ahead_silences_nothing(table: ScheduleTable) -> None:
    """When it is mended, slots come as ever."""
    assert look(table, NOON + 800 * DAY) is not None
    assert look(table, NOON + HOUR) is None
    assert look(table, NOON + 1.5 * HOUR) == NOON + 1.5 * HOUR


def test_missed_slots_are_made_up_for_by_one_run(table: ScheduleTable) -> None:
    """For the last of them."""
    assert look(table, NOON + 7 * HOUR) == NOON + 6.5 * HOUR
    assert look(table, NOON + 7 * HOUR) is None
    assert [run.slot for run in table.runs(KEY)] == [NOON + 6.5 * HOUR]


def test_a_new_version_with_the_same_schedule_goes_on(table: ScheduleTable) -> None:
    """Its slots are counted as before; another schedule begins anew, one that is gone is forgotten, and a pause
    stays."""
    table.pause(KEY)
    table.replace("main", "shop", {"nightly": HOURLY, "other": HOURLY}, NOON + HOUR)
    table.replace("main", "else", {"nightly": HOURLY}, NOON)
    assert [(each.key.function, each.since) for each in table.all() if each.key.app == "shop"] == [
        ("nightly", NOON),
        ("other", NOON + HOUR),
    ]
    table.replace("main", "shop", {"nightly": PeriodSpec(seconds=5.0)}, NOON + 2 * HOUR)
    (changed,) = (each for each in table.all() if each.key == KEY)
    assert (changed.since, changed.seen, changed.paused) == (NOON + 2 * HOUR, NOON + 2 * HOUR, True)
    table.replace("main", "shop", {}, NOON)
    assert [each.key.app for each in table.all()] == ["else"]
    with pytest.raises(NotFoundError, match="has no schedule"):
        table.resume(KEY, NOON)


def test_the_slots_of_a_pause_do_not_run(table: ScheduleTable) -> None:
    """After it, the next one does."""
    table.pause(KEY)
    table.resume(KEY, NOON + 3 * HOUR)
    assert look(table, NOON + 3.1 * HOUR) is None
    assert look(table, NOON + 3.5 * HOUR) == NOON + 3.5 * HOUR


def test_what_had_not_ended_is_known_to_the_next_server(table: ScheduleTable) -> None:
    """With how often it was begun; of what has ended, the last hundred are kept."""
    first = table.claim(KEY, NOON, NOON)
    assert first is not None
    assert table.claim(KEY, NOON, NOON) is None
    table.tried(first)
    assert [(run.call, run.tries) for run in table.unended()] == [(first.call, 1)]
    for number in range(1, 120):
        run = table.claim(KEY, NOON + number, NOON)
        assert run is not None
        table.end(run, "succeeded", NOON + number)
    assert [run.call for run in table.unended()] == [first.call]
    assert len(table.runs(KEY)) == 101
    table.end(first, "failed", NOON, "no")
    assert not table.unended()
