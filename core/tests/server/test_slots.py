"""The times of schedules: the same whatever moment one asks at, and what clocks' changes make of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from drawn_schedules import ANCHOR, moment, moments, schedules
from intermodal.exception import InvalidError
from intermodal.server.schedules.slots import Slots, due, slots
from intermodal.specs import CronSpec, PeriodSpec, ScheduleSpec


def next_of(times: Slots, start: float, count: int) -> list[float]:
    """As many as that, if there are."""
    found: list[float] = []
    while len(found) < count and (slot := times.after(found[-1] if found else start)) is not None:
        found.append(slot)
    return found


def local(spec: CronSpec, start: str, count: int) -> list[str]:
    """Slots as the clock on the wall shows them."""
    zone = ZoneInfo(spec.timezone)
    found = next_of(slots(spec, 0.0), moment(start), count)
    return [datetime.fromtimestamp(slot, zone).strftime("%d %H:%M %Z") for slot in found]


@given(schedules, moments, st.floats(0, 1e6))
@example(CronSpec(expression="45 1 * * *", timezone="America/New_York"), moment("2026-11-01T06:30+00:00"), 0.0)
@example(CronSpec(expression="* 0 * * *", timezone="Australia/Lord_Howe"), moment("2026-04-04T15:00+00:00"), 21728.0)
@example(CronSpec(expression="* 2 * * *", timezone="Australia/Lord_Howe"), moment("2026-10-03T15:00+00:00"), 21728.0)
def test_slots_are_the_same_wherever_one_begins(spec: ScheduleSpec, start: float, later: float) -> None:
    """The next slot is later; and between a moment and its next slot every moment has that same next slot."""
    times = slots(spec, ANCHOR)
    slot = times.after(start)
    assert slot is not None
    assert slot > start
    between = start + (slot - start) * (later / 1e6)
    assume(between < slot)
    assert times.after(between) == slot


@given(schedules, moments, st.lists(st.floats(0.1, 1e5), max_size=12), st.data())
def test_the_slot_that_is_due_is_the_last_one(
    spec: ScheduleSpec, start: float, steps: list[float], data: st.DataObject
) -> None:
    """However long nobody looked: it is over, no other slot comes between it and now, and none was due where none
    has come."""
    times = slots(spec, ANCHOR)
    seen, now = start, start
    for step in steps:
        now += step
        found = due(times, seen, now)
        following = times.after(now)
        if found is None:
            assert times.after(seen) == following
            continue
        assert seen < found <= now
        assert times.after(found) == following
        seen = data.draw(st.sampled_from([found, now]))


def test_due_is_quick_after_years() -> None:
    """A schedule of each minute that nobody looked at for five years, and one that comes in leap years."""
    start = moment("2024-03-01T00:00+00:00")
    assert due(slots(CronSpec(expression="* * * * *"), 0.0), start, start + 1.6e8) == start + 1.6e8 - 1.6e8 % 60
    leap = slots(CronSpec(expression="0 0 29 2 *"), 0.0)
    assert due(leap, start, moment("2028-02-28T23:59+00:00")) is None
    assert due(leap, start, moment("2030-01-01T00:00+00:00")) == moment("2028-02-29T00:00+00:00")


def test_a_fixed_time_that_the_clock_skips_comes_right_after() -> None:
    """Once, on that day."""
    oslo = CronSpec(expression="30 2 * * *", timezone="Europe/Oslo")
    assert local(oslo, "2026-03-28T00:00+01:00", 3) == ["28 02:30 CET", "29 03:00 CEST", "30 02:30 CEST"]


def test_a_fixed_time_that_the_clock_repeats_comes_once() -> None:
    """Also for who begins to look between the two."""
    oslo = CronSpec(expression="30 2 * * *", timezone="Europe/Oslo")
    assert local(oslo, "2026-10-24T00:00+02:00", 3) == ["24 02:30 CEST", "25 02:30 CEST", "26 02:30 CET"]
    assert local(oslo, "2026-10-25T02:10+01:00", 1) == ["26 02:30 CET"]


def test_what_comes_every_so_many_minutes_goes_on_as_time_does() -> None:
    """Clocks may change."""
    oslo = CronSpec(expression="*/30 * * * *", timezone="Europe/Oslo")
    assert local(oslo, "2026-03-29T01:20+01:00", 3) == ["29 01:30 CET", "29 03:00 CEST", "29 03:30 CEST"]
    assert local(oslo, "2026-10-25T02:20+02:00", 3) == ["25 02:30 CEST", "25 02:00 CET", "25 02:30 CET"]


def test_months_of_a_period_are_counted_from_its_start() -> None:
    """The 31st comes back after a short month."""
    found = next_of(slots(PeriodSpec(months=1), ANCHOR), ANCHOR, 4)
    days = [datetime.fromtimestamp(slot, UTC).strftime("%m-%d %H") for slot in found]
    assert days == ["02-29 12", "03-31 12", "04-30 12", "05-31 12"]


def test_a_period_of_seconds_does_not_drift() -> None:
    """The millionth slot is where it should be."""
    times = slots(PeriodSpec(seconds=0.1 + 1), 1e9)
    assert times.after(1e9 + 1.1e6 - 0.5) == pytest.approx(1e9 + 1.1e6, abs=1e-6)
    assert times.after(0.0) == pytest.approx(1e9 + 1.1)


@pytest.mark.parametrize(
    "spec",
    [
        CronSpec(expression="61 * * * *"),
        CronSpec(expression=""),
        CronSpec(expression="* * * * *", timezone="Mars/Olympus"),
        CronSpec(expression="* * * * *", timezone="../../etc/passwd"),
        PeriodSpec(),
        PeriodSpec(seconds=-5.0),
    ],
)
def test_what_is_no_schedule_is_refused(spec: ScheduleSpec) -> None:
    """Clients check it themselves; the server believes none."""
    with pytest.raises(InvalidError):
        slots(spec, 0.0)


def test_days_are_looked_at_in_the_schedules_own_zone() -> None:
    """Midnight in New York is not the server's."""
    newyork = CronSpec(expression="0 0 * * MON", timezone="America/New_York")
    start = datetime(2026, 6, 1, tzinfo=UTC) - timedelta(seconds=1)
    assert slots(newyork, 0.0).after(start.timestamp()) == moment("2026-06-01T00:00-04:00")
