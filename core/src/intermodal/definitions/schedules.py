"""`Period` and `Cron`: when a deployed function runs by itself (deploy.schedule)."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from intermodal.client.checking import checked_class
from intermodal.client.context import in_container
from intermodal.client.shown import shown
from intermodal.definitions.crontab import check_crontab
from intermodal.exception import InvalidError
from intermodal.specs import CronSpec, PeriodSpec

if TYPE_CHECKING:
    from intermodal.definitions.app import Registered
    from intermodal.definitions.partial import Declared

__all__ = ["Cron", "Period", "Schedule", "check_scheduled", "warn_of_schedules"]


@checked_class
@dataclass(frozen=True)
class Period:
    """Every so often, counted from the deployment that had it first: a new version with the same period goes on.

    Months and years are the calendar's, where a shorter month ends earlier; a day is 24 hours.

    Raises `InvalidError`: it is shorter than a second.
    """

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: float = 0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if value < 0:
                raise InvalidError(f"Period({each.name}={value}): it must be 0 or more")
        spec = self.spec()
        if not spec.months and spec.seconds < 1:
            raise InvalidError("Period() needs a length of a second or more, as in Period(hours=6)")
        if spec.months > 1200 or spec.seconds > 3_200_000_000:
            raise InvalidError("Period() of more than a hundred years")

    def spec(self) -> PeriodSpec:
        """As the server reads it."""
        hours = (self.weeks * 7 + self.days) * 24 + self.hours
        return PeriodSpec(
            months=self.years * 12 + self.months, seconds=float((hours * 60 + self.minutes) * 60 + self.seconds)
        )


@checked_class
@dataclass(frozen=True)
class Cron:
    """At the times of a crontab expression of five fields: minute, hour, day of the month, month, day of the week.

    Args:
        cron_string: numbers, names (`MON`, `JAN`), `*`, lists `1,15`, ranges `9-17`, steps `*/10`. Where both days are
            given, either will do.
        timezone: a name such as "Europe/Oslo". When its clocks go forward, a fixed time that does not exist comes right
            after; when they go back, a fixed time comes once, and `*` in the hour or minute goes on as time does.

    Raises `InvalidError`: the expression is none, or never comes; no such time zone is known.
    """

    cron_string: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        try:
            check_crontab(self.cron_string)
        except InvalidError as error:
            raise InvalidError(f"Cron({shown(self.cron_string)}): {error}") from None
        _check_timezone(self.timezone)

    def spec(self) -> CronSpec:
        """As the server reads it."""
        return CronSpec(expression=check_crontab(self.cron_string), timezone=self.timezone)


Schedule = Period | Cron


def check_scheduled(label: str, declared: Declared) -> None:
    """Raises `InvalidError` where a function cannot run by itself: it needs arguments, yields, or answers the web."""
    if declared.is_generator or declared.web:
        kind = "a generator" if declared.is_generator else "a web function"
        raise InvalidError(f"{label} is {kind}, which has no schedule: let a plain function do the work")
    for parameter in inspect.signature(declared.raw).parameters.values():
        variadic = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if parameter.default is parameter.empty and not variadic:
            raise InvalidError(
                f"{label} has a schedule, so it is called without arguments: give {parameter.name!r} a default"
            )


def warn_of_schedules(registered: Iterable[Registered]) -> None:
    """Schedules mean nothing in a run that ends with its program: say so, at each function that has one."""
    for each in registered:
        if each.behaviour.schedule is None:
            continue
        code = getattr(each.raw, "__code__", None)
        warnings.warn_explicit(
            f"{each.name!r} has a schedule: it runs by itself once it is deployed, not in app.run()",
            UserWarning,
            filename=code.co_filename if code else str(each.place.file),
            lineno=code.co_firstlineno if code else 1,
        )


def _check_timezone(name: str) -> None:
    if name == "UTC" or in_container():  # an image need not know of time zones
        return
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        raise InvalidError(
            f"Cron(timezone={shown(name)}): no such time zone is known here: use a name such as 'Europe/Oslo', or "
            "install the package tzdata"
        ) from None
