"""Shared memory for large payloads: pooled segments whose pages are reused, passed by file descriptor.

An owner writes a payload into a segment once; every reader maps the same pages. First touch of fresh pages is what
costs, so freed segments wait in the pool for the next payload. A segment is sealed against shrinking, or a peer that
truncates it could kill its reader.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import threading
import weakref
from collections.abc import Callable

__all__ = ["Arena", "ForeignSegments", "LentSegments", "Segment", "SegmentError"]

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL if hasattr(fcntl, "F_SEAL_SHRINK") else 0
_SMALLEST = 1 << 20
_ids = iter(range(1, 1 << 62))


class SegmentError(Exception):
    """A segment that a peer sent cannot be used."""


class Segment:
    """One piece of shared memory, counted: `on_idle` is called (from any thread) when the last holder lets go.

    `id` is unique in this process; peers name the segment by it.
    """

    __slots__ = ("__weakref__", "_gate", "_holds", "_on_idle", "fd", "id", "map", "size")

    def __init__(self, fd: int, size: int, on_idle: Callable[[Segment], None]) -> None:
        self.id = next(_ids)
        self.fd = fd
        self.size = size
        self.map = mmap.mmap(fd, size)
        self._holds = 0
        self._gate = threading.Lock()
        self._on_idle = on_idle

    def hold(self) -> None:
        """Keep the content until a `drop`."""
        with self._gate:
            self._holds += 1

    def drop(self) -> None:
        """Let go of one hold."""
        with self._gate:
            self._holds -= 1
            idle = self._holds == 0
        if idle:
            self._on_idle(self)

    def view(self, offset: int, length: int) -> memoryview:
        """A writable view of a range that keeps the content (a hold) until the view and all made from it are gone.

        Raises `SegmentError` where the range is outside the segment.
        """
        if offset < 0 or length < 0 or offset + length > self.size:
            raise SegmentError(f"range {offset}+{length} is outside a segment of {self.size} bytes")
        if length == 0:
            return memoryview(bytearray())
        # An object of its own per view: its finalizer is how we learn that nobody reads any more.
        anchor = (ctypes.c_char * length).from_buffer(self.map, offset)
        self.hold()
        weakref.finalize(anchor, self.drop).atexit = False
        return memoryview(anchor).cast("B")

    def close(self) -> None:
        """Unmap, where no view is left, and close the descriptor."""
        try:
            self.map.close()
        except BufferError:
            pass  # a view lives on; the mapping goes with it
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Arena:
    """The segments that this process owns. `idle_limit` bytes of idle ones are kept for reuse; growth is O(log) size
    classes."""

    def __init__(self, idle_limit: int = 512 << 20, on_free: Callable[[int], None] | None = None) -> None:
        self._idle: dict[int, list[Segment]] = {}
        self._idle_bytes = 0
        self._idle_limit = idle_limit
        self._gate = threading.Lock()
        self._on_free = on_free
        self._closed = False

    def allocate(self, size: int) -> Segment:
        """A segment of at least `size` bytes, held once. Raises `OSError` where memory is exhausted."""
        capacity = max(_SMALLEST, 1 << (size - 1).bit_length())
        with self._gate:
            pool = self._idle.get(capacity)
            segment = pool.pop() if pool else None
            if segment is not None:
                self._idle_bytes -= capacity
        if segment is None:
            fd = os.memfd_create("intermodal", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            os.ftruncate(fd, capacity)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
            segment = Segment(fd, capacity, self._reclaim)
        segment.hold()
        return segment

    def _reclaim(self, segment: Segment) -> None:
        with self._gate:
            keep = not self._closed and self._idle_bytes + segment.size <= self._idle_limit
            if keep:
                self._idle.setdefault(segment.size, []).append(segment)
                self._idle_bytes += segment.size
        if not keep:
            segment.close()
            if self._on_free is not None:
                self._on_free(segment.id)

    def close(self) -> None:
        """Free what is idle now; the rest goes when its last holder lets go."""
        with self._gate:
            self._closed = True
            idle = [segment for pool in self._idle.values() for segment in pool]
            self._idle.clear()
        for segment in idle:
            segment.close()


class ForeignSegments:
    """Segments that one peer sent over one connection, by the peer's ids.

    `on_idle(peer_id, receipts)` tells the peer that nothing here reads the segment any more, counting how often it was
    received so far: a peer that has sent it once more meanwhile knows that this release is an old one.
    """

    def __init__(self, on_idle: Callable[[int, int], None]) -> None:
        self._by_id: dict[int, Segment] = {}
        self._receipts: dict[int, int] = {}
        self._on_idle = on_idle

    def add(self, peer_id: int, fd: int) -> None:
        """A descriptor has arrived. Raises `SegmentError` where it is not sealed shared memory."""
        try:
            sealed = fcntl.fcntl(fd, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK
            size = os.fstat(fd).st_size
        except OSError:
            sealed, size = 0, 0
        if not sealed or size == 0 or peer_id in self._by_id:
            os.close(fd)
            raise SegmentError("a peer sent a descriptor that is not shared memory sealed against shrinking")
        self._receipts[peer_id] = 0
        self._by_id[peer_id] = Segment(fd, size, lambda _segment: self._on_idle(peer_id, self._receipts[peer_id]))

    def receive(self, peer_id: int) -> Segment:
        """The segment of a payload that has arrived, held once. Raises `SegmentError` for an unknown id."""
        try:
            segment = self._by_id[peer_id]
        except KeyError:
            raise SegmentError(f"a peer named an unknown segment {peer_id}") from None
        self._receipts[peer_id] += 1
        segment.hold()
        return segment

    def forget(self, peer_id: int) -> None:
        """The peer has freed it."""
        segment = self._by_id.pop(peer_id, None)
        if segment is not None:
            segment.close()

    def close(self) -> None:
        """The connection is gone."""
        for peer_id in list(self._by_id):
            self.forget(peer_id)


class LentSegments:
    """Segments of ours that one peer reads: each held until the peer says it is done. Also: which ones the peer has
    mapped."""

    def __init__(self) -> None:
        self._sendings: dict[int, int] = {}
        self._held: dict[int, Segment] = {}

    def lend(self, segment: Segment) -> bool:
        """A payload in `segment` goes to the peer. True where its descriptor must go along."""
        if segment.id not in self._held:
            segment.hold()
            self._held[segment.id] = segment
        sendings = self._sendings.get(segment.id, 0)
        self._sendings[segment.id] = sendings + 1
        return sendings == 0

    def released(self, segment_id: int, receipts: int) -> None:
        """The peer is done with what it had received until then; we may have sent the segment once more since."""
        if self._sendings.get(segment_id) == receipts:
            segment = self._held.pop(segment_id, None)
            if segment is not None:
                segment.drop()

    def forget(self, segment_id: int) -> bool:
        """The segment was freed. True where the peer has it mapped and must hear so."""
        return self._sendings.pop(segment_id, None) is not None

    def close(self) -> None:
        """The peer is gone: nothing is lent any more."""
        held, self._held = self._held, {}
        for segment in held.values():
            segment.drop()
