"""How grave a line is, where it says so."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["LEVELS", "level_of"]

#: Words that loggers use, as numbers of the standard library's logging.
LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "notice": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "err": logging.ERROR,
    "error": logging.ERROR,
    "crit": logging.CRITICAL,
    "critical": logging.CRITICAL,
    "fatal": logging.CRITICAL,
}
_MEMBERS = ("level", "levelname", "severity")
_PREFIX = re.compile(r"\[?([A-Za-z]{3,8})[\]:|]")


def level_of(text: str, fields: Mapping[str, Any] | None) -> int | None:
    """By a member of its structured record, or by the word that it begins with (`ERROR:name:`, `[error]`)."""
    for member in _MEMBERS if fields else ():
        word = (fields or {}).get(member)
        if isinstance(word, str) and word.lower() in LEVELS:
            return LEVELS[word.lower()]
    begin = _PREFIX.match(text)
    return LEVELS.get(begin[1].lower()) if begin else None
