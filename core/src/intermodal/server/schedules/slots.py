"""The times of a schedule. Pure: the caller has the clock. Times are Unix seconds."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from intermodal.exception import InvalidError
from intermodal.specs import CronSpec, PeriodSpec, ScheduleSpec

__all__ = ["Slots", "due", "in_words", "slots"]

#: How far back `due` looks at first: where the last slot is, is not known, and slots may be a minute or years apart.
_LOOK_BACK_S = 60.0
_LONGEST_S = 200 * 366 * 86400.0


class Slots(Protocol):
    """The times of one schedule, without end or, rarely, with one. They depend on nothing but the schedule."""

    def after(self, moment: float) -> float | None:
        """The first one later than `moment`."""
        ...


def slots(spec: ScheduleSpec, anchor: float) -> Slots:
    """Those of a schedule; a period's are counted from `anchor`.

    Raises `InvalidError`: the expression is none, or the time zone is not known here.
    """
    return _Cron(spec) if isinstance(spec, CronSpec) else _Period(spec, anchor)


def in_words(spec: ScheduleSpec) -> str:
    """When a schedule runs, as people read it."""
    if isinstance(spec, CronSpec):
        return f"{spec.expression} {spec.timezone}"
    parts = (f"{spec.months} months" * bool(spec.months), f"{spec.seconds:g} s" * bool(spec.seconds))
    return f"every {' and '.join(filter(None, parts))}"


def due(times: Slots, seen: float, now: float) -> float | None:
    """The slot to run now: the last one later than `seen` and not later than `now`. Those before it were missed, and
    one run stands for all of them."""
    first = times.after(seen)
    if first is None or first > now:
        return None
    back = _LOOK_BACK_S
    while True:
        found = max(now - back, seen)
        last = None
        while (later := times.after(found)) is not None and later <= now:
            found = last = later
        if last is not None:
            return last
        back *= 8


class _Sim(CronSim):
    """CronSim, which counts hours of sixty minutes: where a clock goes back by half an hour, as on Lord Howe Island,
    it would begin all later ones at the half."""

    def advance_hour(self) -> bool:
        """Roll forward to the beginning of an hour that fits. False: this one does."""
        if self.dt.hour in self.hours:
            return False
        self.dt = self.dt.replace(minute=0, second=0)
        while self.dt.hour not in self.hours:
            before = self.dt.timestamp()
            self.tick(seconds=3600)
            begun = self.dt.replace(minute=0)
            if begun.timestamp() > before:
                self.dt = begun
            if self.dt.hour == 0:  # the day has to fit again
                break
        return True


class _Cron:
    """As Debian's cron has it: a fixed time that a clock skips comes right after, one that it repeats comes once."""

    def __init__(self, spec: CronSpec) -> None:
        try:
            self._zone = UTC if spec.timezone == "UTC" else ZoneInfo(spec.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InvalidError(
                f"the time zone {spec.timezone!r:.60} is not known where the server runs: install tzdata there"
            ) from None
        self._expression = spec.expression
        try:
            _Sim(self._expression, datetime(2000, 1, 1, tzinfo=self._zone))
        except CronSimError as error:
            raise InvalidError(f"Cron({self._expression!r:.100}): {error}") from None

    def after(self, moment: float) -> float | None:
        """See `Slots`."""
        # A repeated hour looks the same twice on the clock, so times that are over come again there.
        for time in _Sim(self._expression, datetime.fromtimestamp(moment, self._zone)):
            if (slot := time.timestamp()) > moment:
                return slot
        return None


class _Period:
    def __init__(self, spec: PeriodSpec, anchor: float) -> None:
        self._spec, self._anchor = spec, anchor
        self._start = datetime.fromtimestamp(anchor, UTC)
        # Never more than it is: the average month is 30.4 days, and 28 is the shortest.
        self._shortest_s = spec.months * 28 * 86400.0 + spec.seconds
        self._longest_s = spec.months * 31 * 86400.0 + spec.seconds
        if not 0 < self._longest_s < _LONGEST_S:
            raise InvalidError("a period must be longer than nothing, and shorter than two hundred years")

    def after(self, moment: float) -> float | None:
        """See `Slots`."""
        low, high = 1, 1
        if moment > self._anchor:
            low = max(1, int((moment - self._anchor) / self._longest_s) - 1)
            high = int((moment - self._anchor) / self._shortest_s) + 2
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._slot(middle) > moment else (middle + 1, high)
        return self._slot(low)

    def _slot(self, number: int) -> float:
        """`number` periods after the anchor. Months are counted from there, not from the one before: the 31st stays."""
        year, month = divmod(self._start.month - 1 + self._spec.months * number, 12)
        year, month = self._start.year + year, month + 1
        day = min(self._start.day, calendar.monthrange(year, month)[1])
        shifted = self._start.replace(year=year, month=month, day=day)
        return (shifted + timedelta(seconds=self._spec.seconds * number)).timestamp()
