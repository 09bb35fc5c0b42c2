"""Values to payloads and back. A payload is what the control plane moves and never opens.

Forms (byte 0 of a payload segment on the wire): 0 the pickle itself; 1 a descriptor of shared memory; 2 a pickle with
out-of-band buffers behind it; 3 a failure that the engine gave; 4 events of ASGI (`wire.events`); 5 an exception of
user code (`wire.raised`); 6 JSON (`wire.json_values`). A small value is one `bytes`; a large one keeps the chunks that
pickle hands out, so that a big `bytes` object is never copied on its way into shared memory (pickle passes such an
object to `write` as it is, at any depth; buffers of protocol 5 likewise).

Standard library and cloudpickle only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import json
import pickle
import struct
from collections.abc import Sequence
from typing import Any

from intermodal.exception import DeserializationError, SerializationError
from intermodal.wire.arena import Arena, ForeignSegments, Segment, SegmentError
from intermodal.wire.frame import Buffer
from intermodal.wire.pages import HUGE_FROM, in_huge_pages

__all__ = [
    "EVENTS",
    "FAILURE",
    "INLINE",
    "JSON",
    "RAISED",
    "SCATTERED",
    "SHARED",
    "Payload",
    "SharedPayload",
    "dumps",
    "failed",
    "failure",
    "flat",
    "loads",
    "received",
    "send_main_by_value",
]

INLINE, SHARED, SCATTERED, FAILURE, EVENTS, RAISED, JSON = range(7)
#: Values whose pickle is larger than this go to shared memory where the transport can pass descriptors.
SHARED_FROM = 128 << 10
_NUMBERS = frozenset((int, float, bool, complex, type(None)))
_SHORT, _FEW = 1024, 8  #: characters, items
#: Code without a source (a notebook's `__main__`) must travel by value, which plain pickle never does.
_by_value_only = False


class SharedPayload:
    """A payload in shared memory: parts[0] is the pickle stream, the others its out-of-band buffers: (offset, length).

    It holds its segment until it is dropped (or garbage collected).
    """

    __slots__ = ("_held", "parts", "segment")

    def __init__(self, segment: Segment, parts: Sequence[tuple[int, int]]) -> None:
        self.segment = segment
        self.parts = tuple(parts)
        self._held = True

    def descriptor(self) -> bytes:
        """The payload segment that stands for it in a frame."""
        text = json.dumps({"seg": self.segment.id, "parts": self.parts}, separators=(",", ":"))
        return b"\x01" + text.encode()

    def scattered(self) -> bytes:
        """The whole value as a payload segment, for a peer that cannot map our memory."""
        sizes = [length for _, length in self.parts]
        head = b"\x02" + struct.pack(f"<I{len(sizes)}Q", len(sizes), *sizes)
        with memoryview(self.segment.map) as view:
            return b"".join((head, *(view[offset : offset + length] for offset, length in self.parts)))

    def size(self) -> int:
        """Bytes of the value."""
        return sum(length for _, length in self.parts)

    def drop(self) -> None:
        """Let go of the memory. Idempotent."""
        if self._held:
            self._held = False
            self.segment.drop()

    def __del__(self) -> None:
        self.drop()


Payload = bytes | SharedPayload


def send_main_by_value(by_value: bool) -> None:
    """From now on pickle what `__main__` defines by value: it has no source that a container could import."""
    global _by_value_only
    _by_value_only = by_value


def flat(payloads: Sequence[Payload]) -> list[bytes]:
    """Payload segments for a peer that cannot map our memory."""
    return [payload.scattered() if isinstance(payload, SharedPayload) else payload for payload in payloads]


def dumps(value: Any, arena: Arena | None) -> Payload:
    """Pickle `value`; large ones into shared memory of `arena` if there is one. Raises `SerializationError`."""
    if _is_plain(value, 3):
        data: Buffer = pickle.dumps(value, 5)
        if len(data) < SHARED_FROM:
            return b"\x00" + data
    chunks: list[Buffer] = []
    buffers: list[pickle.PickleBuffer] = []
    if not _by_value_only:
        try:
            pickle.Pickler(_Sink(chunks), 5, buffer_callback=buffers.append).dump(value)
        except (pickle.PicklingError, AttributeError, TypeError, ValueError, NotImplementedError):
            chunks, buffers = _cloudpickled(value)
        except RecursionError as error:
            raise SerializationError(f"a {type(value).__name__} nests too deep to be pickled: {error}") from error
    else:
        chunks, buffers = _cloudpickled(value)
    if len(chunks) == 1 and not buffers:
        data = chunks[0]
        if len(data) < SHARED_FROM or arena is None:
            return b"\x00" + data
    return _gather(chunks, [_raw(buffer) for buffer in buffers], arena)


def _is_plain(value: Any, depth: int) -> bool:
    """Whether it is surely small and made of built-in types: most inputs are, and then one call pickles them."""
    kind = type(value)
    if kind in _NUMBERS:
        return True
    if kind is str or kind is bytes:
        return len(value) < _SHORT
    if kind is tuple and depth and len(value) < _FEW:
        for item in value:  # noqa: SIM110 - a generator would cost as much as the pickle
            if type(item) not in _NUMBERS and not _is_plain(item, depth - 1):
                return False
        return True
    return kind is dict and not value


class _Sink:
    __slots__ = ("write",)

    def __init__(self, chunks: list[Buffer]) -> None:
        self.write = chunks.append


def _cloudpickled(value: Any) -> tuple[list[Buffer], list[pickle.PickleBuffer]]:
    import cloudpickle

    from intermodal.wire.culprit import refusal

    chunks: list[Buffer] = []
    buffers: list[pickle.PickleBuffer] = []
    try:
        cloudpickle.Pickler(_Sink(chunks), protocol=5, buffer_callback=buffers.append).dump(value)
    except Exception as error:
        error.__suppress_context__ = True  # the first try's error says the same
        raise SerializationError(refusal(value, error)) from error
    return chunks, buffers


def _raw(buffer: pickle.PickleBuffer) -> memoryview:
    try:
        return buffer.raw()
    except BufferError:  # not contiguous: pickle protocol 5 asks for a copy then
        return memoryview(memoryview(buffer).tobytes())


def _gather(chunks: Sequence[Buffer], buffers: Sequence[memoryview], arena: Arena | None) -> Payload:
    sizes = [sum(map(len, chunks)), *(buffer.nbytes for buffer in buffers)]
    if arena is None or sum(sizes) < SHARED_FROM:
        head = b"\x02" + struct.pack(f"<I{len(sizes)}Q", len(sizes), *sizes)
        return b"".join((head, *chunks, *buffers)) if buffers else b"".join((b"\x00", *chunks))
    offsets, end = [], 0
    for size in sizes:
        offsets.append(end)
        end += -(-size // 64) * 64  # arrays like to be aligned
    segment = arena.allocate(max(end, 1))
    payload = SharedPayload(segment, list(zip(offsets, sizes, strict=True)))
    target = memoryview(segment.map)
    try:
        _copy(target, 0, chunks)
        for offset, buffer in zip(offsets[1:], buffers, strict=True):
            _copy(target, offset, (buffer,))
    finally:
        target.release()
    return payload


def _copy(target: memoryview, offset: int, chunks: Sequence[Buffer]) -> None:
    for chunk in chunks:
        end = offset + len(chunk)
        target[offset:end] = chunk
        offset = end


def received(segment: bytes, foreign: ForeignSegments | None) -> Payload:
    """A payload as it came in a frame; checks descriptors. Raises `SegmentError`."""
    if not segment or segment[0] != SHARED:
        if not segment or segment[0] > JSON:
            raise SegmentError("a payload has an unknown form")
        return segment
    if foreign is None:
        raise SegmentError("this connection cannot carry shared memory")
    try:
        descriptor = json.loads(segment[1:])
        parts = [(int(offset), int(length)) for offset, length in descriptor["parts"]]
        shared = foreign.receive(int(descriptor["seg"]))
    except (ValueError, KeyError, TypeError) as error:
        raise SegmentError(f"a descriptor of shared memory is malformed: {error}") from None
    if not parts or any(o < 0 or n < 0 or o + n > shared.size for o, n in parts):
        shared.drop()
        raise SegmentError("a descriptor of shared memory points outside its segment")
    return SharedPayload(shared, parts)


def loads(payload: Payload) -> Any:
    """The value of a payload. Raises `DeserializationError`; a `FAILURE` raises its own error."""
    try:
        if isinstance(payload, SharedPayload):
            return _load_shared(payload)
        form = payload[0]
        if form == INLINE:
            return pickle.loads(memoryview(payload)[1:])
        if form == SCATTERED:
            return _load_scattered(payload)
        if form == JSON:
            return json.loads(payload[1:])
    except Exception as error:
        raise DeserializationError(f"a value cannot be unpickled here: {type(error).__name__}: {error}") from error
    if form == FAILURE:
        raise failure(payload)
    raise DeserializationError(f"a payload of unknown form {form}")


def failed(error: str, *arguments: str) -> bytes:
    """The payload of a failure that the control plane itself gives: a class of `intermodal.exception` by name, and what
    it is made with (one message, for nearly all)."""
    return b"\x03" + json.dumps({"error": error, "arguments": arguments}).encode()


def failure(payload: bytes) -> Exception:
    """The error object that a payload of form `FAILURE` stands for. A container may send one as well, in any shape."""
    from intermodal import exception

    try:
        described = json.loads(payload[1:])
        kind = getattr(exception, str(described["error"]), None)
        arguments = [str(argument) for argument in described["arguments"]]
        if not (isinstance(kind, type) and issubclass(kind, Exception)):
            return exception.ExecutionError(*arguments)
        if kind is exception.CapabilityNotSupported and len(arguments) == 1:
            return kind.from_message(arguments[0])
        return kind(*arguments)
    except (ValueError, TypeError, KeyError, RecursionError):
        return exception.ExecutionError("a failure was reported that cannot be read here")


def _load_shared(payload: SharedPayload) -> Any:
    (offset, length), *rest = payload.parts
    buffers = [payload.segment.view(*part) for part in rest]
    stream = _Reader(payload.segment, offset, length)
    return pickle.Unpickler(stream, buffers=buffers).load()


def _load_scattered(payload: bytes) -> Any:
    view = memoryview(payload)
    (count,) = struct.unpack_from("<I", view, 1)
    sizes = struct.unpack_from(f"<{count}Q", view, 5)
    start, parts = 5 + 8 * count, []
    for size in sizes:
        parts.append(view[start : start + size])
        start += size
    # Arrays must come out writable, as they went in.
    return pickle.loads(parts[0], buffers=[bytearray(part) for part in parts[1:]])


class _Reader:
    """Reads a range of a segment for pickle: a large `bytes` is filled in one copy, straight from shared memory."""

    __slots__ = ("_end", "_map", "_position")

    def __init__(self, segment: Segment, offset: int, length: int) -> None:
        self._map = segment.map
        self._position = offset
        self._end = offset + length

    def readinto(self, target: Any) -> int:
        view = memoryview(target).cast("B")
        if view.nbytes >= HUGE_FROM:
            in_huge_pages(view)
        start, end = self._position, min(self._position + view.nbytes, self._end)
        with memoryview(self._map) as source:
            view[: end - start] = source[start:end]
        self._position = end
        return end - start

    def read(self, size: int = -1) -> bytes:
        start = self._position
        end = self._end if size < 0 else min(start + size, self._end)
        self._position = end
        return self._map[start:end]

    def readline(self) -> bytes:
        end = self._map.find(b"\n", self._position, self._end)
        return self.read((end + 1 if end >= 0 else self._end) - self._position)
