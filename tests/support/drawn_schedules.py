"""Schedules and moments for properties: fields of all forms, zones whose clocks change at odd hours."""

from __future__ import annotations

from datetime import datetime

from hypothesis import strategies as st

from intermodal.specs import CronSpec, PeriodSpec, ScheduleSpec

__all__ = ["ANCHOR", "moment", "moments", "schedules"]

ZONES = ("UTC", "Europe/Oslo", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")


def moment(text: str) -> float:
    """Unix seconds of a time with its offset."""
    return datetime.fromisoformat(text).timestamp()


def term(first: int, last: int) -> st.SearchStrategy[str]:
    """One field of an expression."""
    numbers = st.integers(first, last)
    ranges = st.tuples(numbers, numbers).map(lambda ends: f"{min(ends)}-{max(ends)}")
    steps = st.tuples(st.one_of(st.just("*"), ranges), st.integers(1, 30)).map(lambda each: f"{each[0]}/{each[1]}")
    one = st.one_of(st.just("*"), numbers.map(str), ranges, steps)
    return st.one_of(one, st.lists(numbers.map(str), min_size=1, max_size=3).map(",".join))


crons = st.builds(
    lambda minute, hour, weekday, zone: CronSpec(expression=f"{minute} {hour} * * {weekday}", timezone=zone),
    term(0, 59),
    term(0, 23),
    st.one_of(st.just("*"), term(0, 6)),
    st.sampled_from(ZONES),
)
periods = st.one_of(
    st.builds(PeriodSpec, seconds=st.floats(1, 1e7)),
    st.builds(PeriodSpec, months=st.integers(1, 50), seconds=st.floats(0, 1e6)),
)
schedules: st.SearchStrategy[ScheduleSpec] = st.one_of(crons, periods)
#: A few days around each change of the clocks of 2026, and others.
moments = st.one_of(
    st.floats(1.7e9, 1.9e9),
    st.builds(
        lambda change, apart: moment(change) + apart,
        st.sampled_from(
            [
                *("2026-03-29T01:00+00:00", "2026-10-25T01:00+00:00", "2026-03-08T07:00+00:00"),
                *("2026-11-01T06:00+00:00", "2026-04-04T15:00+00:00", "2026-10-03T15:30+00:00"),
            ]
        ),
        st.floats(-86400, 86400),
    ),
)
ANCHOR = moment("2024-01-31T12:00+00:00")
