"""Frames: a JSON header and raw segments. Used at both ends of every stream.

Layout, little endian: u32 header length, u32 number of segments, one u64 length per segment, the header, the segments.
The header is a JSON object whose "t" names the message. Columns of numbers travel as `columns` says.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

__all__ = ["MAX_HEADER", "MAX_SEGMENTS", "PIECE", "Buffer", "FrameError", "FrameReader", "encode", "pieces", "prefix"]

Buffer = bytes | bytearray | memoryview

MAX_HEADER = 16 << 20
MAX_SEGMENTS = 1 << 16
PIECE = 1 << 20
_HEAD = struct.Struct("<II")
#: Most frames have few segments: how their lengths lie.
_COMMON = 4
_SIZES = [struct.Struct(f"<{count}Q") for count in range(_COMMON)]
_scan: Callable[[str, int], tuple[Any, int]] = getattr(json.JSONDecoder(), "scan_once")  # noqa: B009 - not in its stub


def _encoder() -> Callable[[Any], str]:
    """`json.dumps` without what it sets up anew for every call, where this Python's C encoder can be had."""
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return json.JSONEncoder(separators=(",", ":")).encode
    text = json.encoder.encode_basestring_ascii
    chunks = make(None, json.JSONEncoder().default, text, None, ":", ",", False, False, False)
    return lambda value: "".join(chunks(value, 0))


_dumps = _encoder()


class FrameError(Exception):
    """The peer sent something that is not a frame; the connection cannot go on."""


def prefix(header: dict[str, Any], sizes: Sequence[int]) -> bytes:
    """The bytes of a frame up to its first segment."""
    text = _dumps(header).encode()
    count = len(sizes)
    return struct.pack(f"<II{count}Q", len(text), count, *sizes) + text


def encode(header: dict[str, Any], segments: Sequence[Buffer] = ()) -> list[Buffer]:
    """A whole frame as buffers for one gathering write; segments are not copied."""
    return [prefix(header, [memoryview(s).nbytes for s in segments]), *segments]


def pieces(frame: Sequence[Buffer]) -> Iterator[bytes]:
    """The bytes of a frame, at most `PIECE` at a time: for streams made of messages, which a proxy may have to take
    whole."""
    if sum(map(len, frame)) <= PIECE:
        yield b"".join(frame)
        return
    for buffer in frame:
        view = memoryview(buffer)
        for start in range(0, len(view), PIECE):
            yield bytes(view[start : start + PIECE])


class FrameReader:
    """Cuts a byte stream into frames. Feed it what arrived; it gives complete (header, segments). Segments are
    bytes."""

    __slots__ = ("_buffer", "_limit", "_need")

    def __init__(self, limit: int = 1 << 34) -> None:
        self._buffer = bytearray()
        self._need = _HEAD.size
        self._limit = limit

    def feed(self, data: Buffer) -> list[tuple[dict[str, Any], list[bytes]]]:
        """Complete frames, in order. Raises `FrameError` on anything malformed."""
        buffer = self._buffer
        if not buffer and isinstance(data, bytes):
            frames, used = self._cut(data)
            if used < len(data):
                buffer += memoryview(data)[used:]
            return frames
        buffer += data
        if len(buffer) < self._need:
            return []
        frames, used = self._cut(buffer)
        if used:
            del buffer[:used]
        return frames

    def _cut(self, data: bytes | bytearray) -> tuple[list[tuple[dict[str, Any], list[bytes]]], int]:
        frames: list[tuple[dict[str, Any], list[bytes]]] = []
        start, end = 0, len(data)
        while True:
            self._need = need = _HEAD.size
            there = end - start
            if there < need:
                return frames, start
            length, count = _HEAD.unpack_from(data, start)
            if length > MAX_HEADER or count > MAX_SEGMENTS:
                raise FrameError(f"frame too large: header of {length} bytes, {count} segments")
            need += 8 * count + length
            if there < need:
                self._need = need
                return frames, start
            sizes = (
                _SIZES[count].unpack_from(data, start + _HEAD.size) if count < _COMMON else _sizes(data, start, count)
            )
            body = start + need
            need += sum(sizes)
            if need > self._limit:
                raise FrameError(f"frame too large: {need} bytes")
            if there < need:
                self._need = need
                return frames, start
            header = _header(data[body - length : body])
            segments = []
            for size in sizes:
                segments.append(bytes(data[body : body + size]))
                body += size
            frames.append((header, segments))
            start = body


def _sizes(data: bytes | bytearray, start: int, count: int) -> tuple[int, ...]:
    return struct.unpack_from(f"<{count}Q", data, start + _HEAD.size)


def _header(data: bytes | bytearray) -> dict[str, Any]:
    try:
        text = data.decode("ascii")
        header, end = _scan(text, 0)
    except (ValueError, StopIteration, RecursionError) as error:
        raise FrameError(f"header is not JSON: {error}") from None
    if end != len(text) or type(header) is not dict or type(header.get("t")) is not str:
        raise FrameError("header is not an object with a message name")
    return header
