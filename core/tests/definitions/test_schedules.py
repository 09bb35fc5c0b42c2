"""`Cron` and `Period` as they are written: what is wrong is said there, not at the server."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cronsim import CronSim, CronSimError
from hypothesis import given
from hypothesis import strategies as st

import intermodal
from intermodal.definitions.crontab import check_crontab
from intermodal.definitions.lowering import lower
from intermodal.exception import InvalidError
from intermodal.specs import AppSpec, CronSpec, PeriodSpec, from_json, to_json

field = st.one_of(
    st.just("*"),
    st.text("0123456789*/-,", min_size=1, max_size=6),
    st.integers(0, 60).map(str),
    st.builds("{}-{}".format, st.integers(0, 31), st.integers(0, 31)),
    st.builds("*/{}".format, st.integers(0, 90)),
    st.sampled_from(["mon", "SUN-TUE", "jan,DEC", "L", "5#2", "3L", "sat/2", "²", "1 2"]),
)


@given(st.lists(field, min_size=4, max_size=6).map(" ".join))
def test_what_is_taken_here_the_server_can_reckon_with(expression: str) -> None:
    """Whatever it is; and what is refused here is wrong there, but for its own extras."""
    try:
        checked = check_crontab(expression)
    except InvalidError:
        if len(expression.split()) == 5 and not set(expression.upper()) & set("L#"):
            with pytest.raises(CronSimError):
                CronSim(expression, datetime.now(UTC))
    else:
        CronSim(checked, datetime.now(UTC))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("0 9 * *", "five fields: minute, hour"),
        ("61 * * * *", "'61' is no minute: it takes 0-59"),
        ("0 9 * * MOO", "'MOO' is no day of the week: it takes 0-7 or SUN-SAT"),
        ("0 9 * 13 *", "'13' is no month: it takes 1-12 or JAN-DEC"),
        ("*/0 * * * *", "a step is a number of 1 or more"),
        ("0 17-9 * * *", "'17-9' is no hour: a range ends at or after its start"),
        ("0 0 30 2 *", "no such month has a day 30"),
    ],
)
def test_a_wrong_expression_says_what_is_wrong(expression: str, said: str) -> None:
    """With the field, and what it takes."""
    with pytest.raises(InvalidError, match=said) as caught:
        intermodal.Cron(expression)
    assert str(caught.value).startswith(f"Cron({expression!r}): ")


@pytest.mark.parametrize("zone", ["Europe/Osloo", "", "../UTC"])
def test_a_time_zone_must_be_known(zone: str) -> None:
    """And says what one looks like."""
    with pytest.raises(InvalidError, match="no such time zone is known here: use a name such as"):
        intermodal.Cron("0 9 * * *", timezone=zone)


@pytest.mark.parametrize(
    "given",
    [{}, {"seconds": 0.5}, {"hours": -1}, {"hours": 1.5}, {"seconds": float("nan")}, {"days": True}, {"years": 5000}],
)
def test_a_period_must_have_a_length(given: dict[str, int]) -> None:
    """Of a second or more, in whole units."""
    with pytest.raises(InvalidError, match=r"^Period"):
        intermodal.Period(**given)


def test_a_schedule_travels_in_the_function_s_spec() -> None:
    """As months and seconds, or as an expression and its zone; also as JSON."""
    app = intermodal.App("scheduled")

    @app.function(schedule=intermodal.Period(years=1, weeks=1, minutes=1), serialized=True)
    def yearly() -> None: ...

    @app.function(schedule=intermodal.Cron("0  9 * * mon", timezone="Europe/Oslo"), serialized=True)
    def weekly(limit: int = 3, *rest: int) -> None: ...

    spec = lower(app).app
    assert from_json(AppSpec, to_json(spec)) == spec
    assert [function.schedule for function in spec.functions] == [
        PeriodSpec(months=12, seconds=7 * 86400.0 + 60),
        CronSpec(expression="0 9 * * mon", timezone="Europe/Oslo"),
    ]


def test_what_cannot_run_by_itself_takes_no_schedule() -> None:
    """Who would give it arguments, or read what it yields? And a schedule is a `Cron` or a `Period`."""
    app = intermodal.App("scheduled")
    daily = intermodal.Period(days=1)
    with pytest.raises(InvalidError, match="'f' has a schedule, so it is called without arguments: give 'x' a default"):

        @app.function(schedule=daily)
        def f(x: int) -> None: ...

    with pytest.raises(InvalidError, match="'g' is a generator, which has no schedule"):

        @app.function(schedule=daily)
        def g():
            yield 1

    with pytest.raises(InvalidError, match=r"schedule must be an intermodal\.Period, an intermodal\.Cron or None"):
        app.function(schedule="0 9 * * *")  # type: ignore[arg-type]
