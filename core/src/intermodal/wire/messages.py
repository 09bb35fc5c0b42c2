"""What both ends of a stream agree on: protocol number, columns of numbers.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable
from typing import Any

from intermodal.wire.frame import Buffer, FrameError

__all__ = ["PROTOCOL", "pack", "unpack"]

#: Goes up whenever an older peer could misread a newer one.
PROTOCOL = 1


def pack(code: str, numbers: Iterable[int]) -> bytes:
    """A column as a segment; `code` is "Q" (u64), "I" (u32), "H" (u16) or "B" (u8)."""
    column = array(code, numbers)
    if sys.byteorder == "big":
        column.byteswap()
    return column.tobytes()


def unpack(code: str, segment: Buffer, count: int | None = None) -> Any:
    """The column of a segment, as an array. Raises `FrameError` where its length does not fit `count` numbers."""
    column = array(code)
    if len(segment) % column.itemsize or (count is not None and len(segment) != count * column.itemsize):
        raise FrameError(f"a column has {len(segment)} bytes, not {count} numbers of {column.itemsize}")
    column.frombytes(segment)
    if sys.byteorder == "big":
        column.byteswap()
    return column
