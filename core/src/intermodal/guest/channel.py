"""The guest's end of its stream: whole frames out under one lock, frames in for whoever reads.

It passes large payloads as shared memory where the stream can carry file descriptors.
"""

from __future__ import annotations

import array
import os
import select
import socket
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from intermodal.wire.arena import Arena, ForeignSegments, LentSegments
from intermodal.wire.frame import Buffer, FrameReader, prefix
from intermodal.wire.payload import SHARED, Payload, SharedPayload, received

__all__ = ["Channel", "Frame", "StreamEnded"]

Frame = tuple[dict[str, Any], list[bytes]]

#: Bytes asked for in one read: small enough for the allocator's fast path; it grows while reads come back full.
_SMALL_READ, _LARGE_READ = 1 << 16, 1 << 20
#: Descriptors in one message: the kernel allows 253.
_FDS_AT_ONCE = 200
#: Frames up to this size are copied into one buffer, which costs less than a gathering write of many pieces.
_JOIN_LIMIT = 1 << 18
_PIECES = 512


class StreamEnded(Exception):
    """The other end is gone."""


class Channel:
    """Frames over one connected stream socket. Sending is thread-safe; at most one thread receives at a time.

    `shared_memory`: the other end is on this machine and takes descriptors, if the socket can carry them.
    """

    def __init__(self, sock: socket.socket, shared_memory: bool = True) -> None:
        sock.setblocking(True)
        self._sock = sock
        self._passes_fds = shared_memory and sock.family == socket.AF_UNIX
        self._reader = FrameReader()
        self._send_gate = allocate_lock()
        self._fds: deque[int] = deque()
        self._read_size = _SMALL_READ
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._poll.register(self._wake_read, select.POLLIN)
        self._lent = LentSegments()
        # Finalizers may run anywhere, also under our locks: what they tell is only noted, and sent with a later frame.
        self._to_release: deque[tuple[int, int]] = deque()
        self._freed: deque[int] = deque()
        self.arena: Arena | None = Arena(on_free=self._freed.append) if self._passes_fds else None
        self._foreign = ForeignSegments(lambda peer_id, receipts: self._to_release.append((peer_id, receipts)))
        #: goes up with every read that brought something
        self.reads = 0

    def keep_inline(self) -> None:
        """Pass no descriptors from now on: the host says that they do not get through. Before the first payload."""
        self._passes_fds = False
        self.arena = None

    def fileno(self) -> int:
        """The stream's descriptor, for an event loop."""
        return self._sock.fileno()

    # ---- out -------------------------------------------------------------------------------------------------------

    def send(self, header: dict[str, Any], columns: Sequence[Buffer] = (), payloads: Iterable[Payload] = ()) -> None:
        """Send one frame; blocks while the other end does not read. Raises `StreamEnded`."""
        segments: list[Buffer] = list(columns)
        fds: list[int] = []
        with self._send_gate:
            segments.extend(p if isinstance(p, bytes) else self._lend(p, header, fds) for p in payloads)
            self._write(header, segments, fds)
            if self._to_release or self._freed:
                self._send_releases()

    def flush_releases(self) -> None:
        """Tell the other end which shared memory it may use again."""
        if self._to_release or self._freed:
            with self._send_gate:
                self._send_releases()

    def _lend(self, payload: SharedPayload, header: dict[str, Any], fds: list[int]) -> bytes:
        if not self._passes_fds:
            return payload.scattered()
        if self._lent.lend(payload.segment):
            header.setdefault("fds", []).append(payload.segment.id)
            fds.append(payload.segment.fd)
        return payload.descriptor()

    def _send_releases(self) -> None:
        released = [self._to_release.popleft() for _ in range(len(self._to_release))]
        if released:
            self._write({"t": "release", "segments": released}, (), ())
        freed = [self._freed.popleft() for _ in range(len(self._freed))]
        forgotten = [segment for segment in freed if self._lent.forget(segment)]
        if forgotten:
            self._write({"t": "forget", "segments": forgotten}, (), ())

    def _write(self, header: dict[str, Any], segments: Sequence[Buffer], fds: Sequence[int]) -> None:
        sizes = [len(segment) for segment in segments]
        head = prefix(header, sizes)
        try:
            if fds:
                head = self._write_with_fds(head, fds)
            if sum(sizes) <= _JOIN_LIMIT:
                self._sock.sendall(b"".join((head, *segments)) if segments else head)
            else:
                self._write_pieces([head, *segments])
        except OSError as error:
            raise StreamEnded(str(error)) from error

    def _write_with_fds(self, head: bytes, fds: Sequence[int]) -> bytes:
        """Send the frame's first bytes, each carrying some descriptors; what is left of `head`."""
        for start in range(0, len(fds), _FDS_AT_ONCE):
            some = array.array("i", fds[start : start + _FDS_AT_ONCE])
            self._sock.sendmsg([head[:1]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, some)])
            head = head[1:]
        return head

    def _write_pieces(self, pieces: list[Buffer]) -> None:
        views = deque(memoryview(piece) for piece in pieces if len(piece))
        while views:
            sent = self._sock.sendmsg([views[i] for i in range(min(len(views), _PIECES))])
            while sent:
                first = views[0]
                if sent >= len(first):
                    sent -= len(first)
                    views.popleft()
                else:
                    views[0] = first[sent:]
                    sent = 0

    # ---- in --------------------------------------------------------------------------------------------------------

    def has_data(self) -> bool:
        """True where a read would not block. From any thread: one poll object for all would refuse to be asked twice at
        once."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return bool(poll.poll(0))

    def wake(self) -> None:
        """Make a `receive` that blocks in another thread, or under a signal handler, return."""
        try:
            os.write(self._wake_write, b"\0")
        except BlockingIOError:
            pass  # it is awake already

    def receive(self, timeout: float | None = None) -> list[Frame]:
        """Wait at most `timeout` seconds for something, or for `wake`; the frames that are complete now.

        Raises `StreamEnded`, `FrameError`.
        """
        ready = self._poll.poll(None if timeout is None else max(0.0, timeout) * 1000)
        frames: list[Frame] = []
        for fd, _ in ready:
            if fd == self._wake_read:
                self._drain_wake()
            else:
                frames = self._read()
        return frames

    def _drain_wake(self) -> None:
        try:
            os.read(self._wake_read, 4096)
        except BlockingIOError:
            pass

    def _read(self) -> list[Frame]:
        try:
            if self._passes_fds:
                data, ancillary, _, _ = self._sock.recvmsg(self._read_size, 1024, socket.MSG_CMSG_CLOEXEC)
                for level, kind, content in ancillary:
                    if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                        self._fds.extend(array.array("i", content[: len(content) - len(content) % 4]))
            else:
                data = self._sock.recv(self._read_size)
        except OSError as error:
            raise StreamEnded(str(error)) from error
        if not data:
            raise StreamEnded("the stream was closed")
        self.reads += 1
        self._read_size = _LARGE_READ if len(data) == self._read_size else _SMALL_READ
        frames = self._reader.feed(data)
        for header, _ in frames:
            if "fds" in header:
                for peer_id in header["fds"]:
                    self._foreign.add(peer_id, self._fds.popleft())
        return frames

    def payload(self, segment: bytes) -> Payload:
        """A payload segment of a received frame, ready for `loads`."""
        return received(segment, self._foreign) if segment[:1] == _SHARED_FORM else segment

    def payloads(self, segments: list[bytes]) -> Sequence[Payload]:
        """The same for several."""
        for segment in segments:
            if segment[0] == SHARED:
                return [self.payload(each) for each in segments]
        return segments

    def on_release(self, segments: Iterable[tuple[int, int]]) -> None:
        """A `release` frame came: the other end reads these no more."""
        for segment_id, receipts in segments:
            self._lent.released(segment_id, receipts)

    def on_forget(self, segments: Iterable[int]) -> None:
        """A `forget` frame came: the other end has freed these."""
        for peer_id in segments:
            self._foreign.forget(peer_id)

    def abandon(self) -> None:
        """In a forked child: let go of the stream, so that only the parent keeps it open."""
        self._sock.close()


_SHARED_FORM = bytes((SHARED,))

#: Makes a frame handler: what to do with one kind of message.
Handler = Callable[[dict[str, Any], list[bytes]], None]
