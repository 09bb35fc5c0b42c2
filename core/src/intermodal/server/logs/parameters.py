"""A `LogQuery` as the parameters of a URL."""

from __future__ import annotations

import math

from starlette.datastructures import QueryParams

from intermodal.exception import InvalidError
from intermodal.server.logs.levels import LEVELS
from intermodal.server.logs.records import LogQuery

__all__ = ["query_of", "whole"]

_WORDS = ("app", "function", "container", "call", "search")
_KNOWN = {*_WORDS, "environment", "since", "until", "level", "field", "limit", "after", "before"}
#: Ids are 64-bit in SQLite.
_GREATEST = (1 << 63) - 1


def query_of(values: QueryParams, environment: str) -> LogQuery:
    """What is asked for; in `environment`, where none is named. Raises `InvalidError`."""
    unknown = sorted(set(values) - _KNOWN)
    if unknown:
        raise InvalidError(f"there is no parameter {unknown[0]!r:.80}; there are {', '.join(sorted(_KNOWN))}")
    level = values.get("level")
    if level and level.lower() not in LEVELS:
        raise InvalidError(f"there is no level {level!r:.80}: one of {', '.join(LEVELS)}")
    fields = [field.partition("=") for field in values.getlist("field")]
    if any(not equals for _, equals, _ in fields):
        raise InvalidError("field takes PATH=VALUE: for example field=user.id=42")
    return LogQuery(
        environment=values.get("environment") or environment,
        since=_number(values, "since"),
        until=_number(values, "until"),
        level=LEVELS[level.lower()] if level else None,
        fields=tuple((path, value) for path, _, value in fields),
        **{word: values.get(word, "") for word in _WORDS},
    )


def _number(values: QueryParams, name: str) -> float | None:
    try:
        number = float(values[name]) if values.get(name) else None
    except ValueError:
        number = math.nan
    if number is not None and not math.isfinite(number):
        raise InvalidError(f"{name} is {values[name]!r:.80}: give Unix seconds")
    return number


def whole(values: QueryParams, name: str, most: int = _GREATEST) -> int | None:
    """A number from 0 to `most`, None where there is none. Raises `InvalidError`."""
    text = values.get(name)
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and int(text[:20]) <= most):
        raise InvalidError(f"{name} is {text!r:.80}: give a whole number from 0 to {most}")
    return int(text)
