"""Columns of numbers: what a frame says of each of its payloads. One segment a column; a single row in the header.

A frame of hundreds of inputs costs a few C calls to read and to check; a frame of one, which is what a single call
waits for, has no segments to cut.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from typing import Any

from intermodal.wire.frame import Buffer, FrameError

__all__ = ["INPUTS", "OUTPUTS", "RESULTS", "read", "write"]

#: The columns of the messages of these names, by their `array` codes: "Q" u64, "I" u32, "H" u16, "B" u8.
INPUTS = "QIQH"  #: attempt, place of its call in "calls", index, tries
RESULTS = "QB"  #: attempt, status
OUTPUTS = "QB"  #: index, status

#: Packing a row checks it: each number is a whole one in its range.
_ROWS = {codes: struct.Struct(f"<{codes}") for codes in (INPUTS, RESULTS, OUTPUTS)}


def write(header: dict[str, Any], codes: str, columns: Sequence[Sequence[int]]) -> list[Buffer]:
    """The segments that carry the columns, ahead of one payload for each row; a single row is put into `header`."""
    if len(columns[0]) == 1:
        header["row"] = [column[0] for column in columns]
        return []
    return [_little(array(code, column)).tobytes() for code, column in zip(codes, columns, strict=True)]


def read(header: dict[str, Any], codes: str, segments: list[bytes]) -> tuple[list[list[int]], list[bytes]]:
    """The columns, and the payload segments that follow them. Raises `FrameError` where they do not fit."""
    row = header.get("row")
    if row is None:
        return _read_columns(codes, segments)
    try:
        _ROWS[codes].pack(*row)
    except (struct.error, TypeError) as error:
        raise FrameError(f"a row of numbers is malformed: {error}") from None
    if len(segments) != 1:
        raise FrameError(f"a frame of one row has {len(segments)} payloads")
    return [[number] for number in row], segments


def _read_columns(codes: str, segments: list[bytes]) -> tuple[list[list[int]], list[bytes]]:
    width = len(codes)
    count = len(segments) - width
    columns = []
    for code, segment in zip(codes, segments, strict=False):
        column = array(code)
        if len(segment) != count * column.itemsize:
            raise FrameError(f"a column has {len(segment)} bytes, not {count} numbers of {column.itemsize}")
        column.frombytes(segment)
        columns.append(_little(column).tolist())
    if count < 0:
        raise FrameError(f"a frame has {len(segments)} segments, fewer than its {width} columns")
    return columns, segments[width:]


def _little(column: array[int]) -> array[int]:
    if sys.byteorder == "big":
        column.byteswap()
    return column
