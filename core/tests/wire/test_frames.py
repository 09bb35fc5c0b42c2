"""Frames and their columns: what one end writes the other reads, and what nobody wrote is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.wire import columns
from intermodal.wire.frame import FrameError, FrameReader, encode

_LIMITS = {"Q": 2**64 - 1, "I": 2**32 - 1, "H": 2**16 - 1, "B": 255}
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=8,
)


def rows(codes: str) -> st.SearchStrategy[list[tuple[int, ...]]]:
    """Rows of numbers in range."""
    return st.lists(st.tuples(*(st.integers(0, _LIMITS[code]) for code in codes)), min_size=1, max_size=40)


@given(data=st.data(), codes=st.sampled_from([columns.INPUTS, columns.RESULTS, columns.OUTPUTS]))
def test_columns_and_payloads_arrive_as_they_were_written(data: st.DataObject, codes: str) -> None:
    """Any number of rows, cut into any pieces on its way."""
    table = data.draw(rows(codes))
    written = [list(column) for column in zip(*table, strict=True)]
    payloads = [b"p%d" % at for at in range(len(table))]
    header: dict[str, Any] = {"t": "x"}
    stream = b"".join(encode(header, [*columns.write(header, codes, written), *payloads]))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=4)))
    reader = FrameReader()
    frames = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        frames += reader.feed(stream[start:end])
    ((read_header, segments),) = frames
    assert columns.read(read_header, codes, segments) == (written, payloads)


@given(row=_JSON | st.lists(_JSON, max_size=6), segments=st.lists(st.binary(max_size=40), max_size=8))
def test_a_malformed_row_is_refused_and_nothing_else_is_raised(row: Any, segments: list[bytes]) -> None:
    """The host reads what a hostile container wrote: whole numbers in range, one for each payload, or `FrameError`."""
    try:
        read, payloads = columns.read({"t": "results", "row": row}, columns.RESULTS, segments)
    except FrameError:
        return
    assert all(len(column) == len(payloads) for column in read)
    for code, column in zip(columns.RESULTS, read, strict=True):
        assert all(isinstance(number, int) and 0 <= number <= _LIMITS[code] for number in column)


@given(stream=st.binary(max_size=200))
def test_garbage_gives_frames_or_a_frame_error(stream: bytes) -> None:
    """Whatever comes over the stream."""
    try:
        FrameReader(limit=1 << 20).feed(stream)
    except FrameError:
        pass


def test_a_row_with_two_payloads_is_refused() -> None:
    """Every payload has its numbers."""
    with pytest.raises(FrameError, match="one row"):
        columns.read({"t": "results", "row": [1, 0]}, columns.RESULTS, [b"a", b"b"])
