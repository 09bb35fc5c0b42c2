"""Structured records in what containers print (log.lines)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from intermodal.plugins.observations import LogLine

__all__ = ["parse_fields", "with_fields"]


def parse_fields(text: str) -> dict[str, Any] | None:
    """The JSON object that a line is, or ends with after a prefix such as `INFO:name:`; None for other lines.

    The object begins at the line's first brace. So a line costs one look, and what is inside of a broken record is not
    taken for one.
    """
    start = text.find("{")
    if start < 0 or not text.rstrip().endswith("}"):
        return None
    try:
        found = json.loads(text[start:])
    except (ValueError, RecursionError):  # no JSON, a number of too many digits, too deep
        return None
    return found if isinstance(found, dict) else None


def with_fields(lines: Sequence[LogLine]) -> list[LogLine]:
    """The same lines, those with a record with their `fields`."""
    return [line if (fields := parse_fields(line.text)) is None else replace(line, fields=fields) for line in lines]
