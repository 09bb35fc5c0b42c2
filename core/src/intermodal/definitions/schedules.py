"""`Period` and `Cron`: when a deployed function runs by itself (deploy.schedule)."""

from __future__ import annotations

from dataclasses import dataclass

from intermodal.exception import InvalidError

__all__ = ["Cron", "Period", "Schedule"]


@dataclass(frozen=True)
class Period:
    """Every so often, counted from the deployment."""

    years: int = 0
    months: int = 0
    weeks: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: float = 0

    def __post_init__(self) -> None:
        if not any(vars(self).values()) or any(value < 0 for value in vars(self).values()):
            raise InvalidError("Period() needs a positive length, as in Period(hours=6)")


@dataclass(frozen=True)
class Cron:
    """At the times of a crontab expression of five fields."""

    cron_string: str
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if len(self.cron_string.split()) != 5:
            raise InvalidError(f"Cron({self.cron_string!r}) needs five fields: minute hour day month weekday")


Schedule = Period | Cron
