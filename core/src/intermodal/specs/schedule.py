"""When a deployed function runs by itself (deploy.schedule)."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CronSpec", "PeriodSpec", "ScheduleSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CronSpec:
    """At the times of a crontab expression of five fields, in a time zone of the IANA database."""

    expression: str
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodSpec:
    """Every so many months of the calendar and seconds, counted from the deployment that had it first."""

    months: int = 0
    seconds: float = 0.0


ScheduleSpec = CronSpec | PeriodSpec
