"""What a crontab expression may say, checked where it is written: the server reckons with it much later."""

from __future__ import annotations

from dataclasses import dataclass

from intermodal.exception import InvalidError

__all__ = ["check_crontab"]


@dataclass(frozen=True)
class _Field:
    name: str
    first: int
    last: int
    names: tuple[str, ...] = ()

    def values(self, text: str) -> set[int]:
        """What a field matches. Raises `InvalidError`."""
        return {value for term in text.split(",") for value in self._term(term)}

    def _term(self, term: str) -> range:
        span, slash, step = term.partition("/")
        if slash and (not _is_number(step) or int(step) == 0):
            raise self._wrong(term, "a step is a number of 1 or more")
        first, dash, last = span.partition("-")
        if span == "*":
            start, end = self.first, self.last
        elif dash:
            start, end = self._value(first, term), self._value(last, term)
        else:
            start = self._value(span, term)
            end = self.last if slash else start
        if end < start:
            raise self._wrong(term, "a range ends at or after its start")
        return range(start, end + 1, int(step) if slash else 1)

    def _value(self, text: str, term: str) -> int:
        if text.upper() in self.names:
            return self.names.index(text.upper()) + self.first
        if not _is_number(text) or not self.first <= int(text) <= self.last:
            named = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
            raise self._wrong(term, f"it takes {self.first}-{self.last}{named}")
        return int(text)

    def _wrong(self, term: str, why: str) -> InvalidError:
        return InvalidError(f"{term!r} is no {self.name}: {why}; also *, lists (1,2), ranges (1-5) and steps (*/10)")


_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of the month", 1, 31),
    _Field("month", 1, 12, _MONTHS),
    _Field("day of the week", 0, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")),
)
_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def check_crontab(expression: str) -> str:
    """The expression, with single spaces. Raises `InvalidError`: it says no times, or such that never come."""
    parts = expression.split()
    if len(parts) != len(_FIELDS):
        raise InvalidError("it needs five fields: minute, hour, day of the month, month, day of the week")
    _, _, days, months, _ = (field.values(part) for field, part in zip(_FIELDS, parts, strict=True))
    either = not parts[2].startswith("*") and not parts[4].startswith("*")
    if not either and min(days) > max(_LONGEST[month - 1] for month in months):
        raise InvalidError(f"no such month has a day {min(days)}: it would never run")
    return " ".join(parts)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 5
