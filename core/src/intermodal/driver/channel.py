"""The control plane's end of one guest stream, on the driver's event loop."""

from __future__ import annotations

import array
import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from intermodal.wire.arena import ForeignSegments, LentSegments, SegmentError
from intermodal.wire.frame import Buffer, FrameError, FrameReader, prefix
from intermodal.wire.payload import Payload, SharedPayload, received

__all__ = ["MALFORMED", "Channel"]

_READ = 256 << 10
_MAX_FDS = 64
_ANCILLARY = socket.CMSG_SPACE(_MAX_FDS * 4)
_JOIN_BELOW = 64 << 10
_GATHER_BELOW = 16 << 10

#: What a frame raises that breaks the protocol.
MALFORMED = (FrameError, SegmentError, KeyError, TypeError, ValueError, IndexError)

OnFrame = Callable[[dict[str, Any], list[bytes]], None]
OnClosed = Callable[[str], None]


class Host(Protocol):
    """Whose loop the channel is on, and who gathers what happens between `hold` and `pump` into one turn."""

    loop: asyncio.AbstractEventLoop
    #: What to call at the end of the turn of the engine that is being carried out; None: there is none.
    unflushed: list[Callable[[], None]] | None

    def hold(self) -> None: ...
    def pump(self) -> None: ...


class Channel:
    """Frames over a non-blocking socket; descriptors of shared memory ride along where the launcher says that they can.

    `on_frame` and `on_closed` run on the loop, those of one read in one turn of `host`. Writing never blocks: what the
    socket does not take is queued, which the engine's windows bound. A peer that breaks the protocol is cut off, with
    the reason.
    """

    def __init__(
        self,
        host: Host,
        sock: socket.socket,
        on_frame: OnFrame,
        on_closed: OnClosed,
        *,
        passes_fds: bool,
    ) -> None:
        sock.setblocking(False)
        self._host = host
        self._loop = host.loop
        self._socket = sock
        self._fd = sock.fileno()
        self._on_frame = on_frame
        self._on_closed = on_closed
        self._reader = FrameReader()
        self._buffer = memoryview(bytearray(_READ))  # reused: fresh pages for each read would cost more than the read
        self._into = [self._buffer]
        self._fds: deque[int] = deque()
        self._gathered: list[bytes] = []
        self._unsent: deque[memoryview] = deque()
        self._unsent_fds: deque[tuple[int, list[int]]] = deque()
        self._closed = False
        self._muted = False
        self.passes_fds = passes_fds and sock.family == socket.AF_UNIX
        self.foreign = ForeignSegments(self._release)
        self.lent = LentSegments()
        self._loop.add_reader(self._fd, self._readable)

    # ---- writing ------------------------------------------------------------------------------------------------

    def send(self, header: dict[str, Any], segments: Sequence[Buffer] = ()) -> None:
        """Send one frame of plain segments."""
        self._write(header, segments, [])

    def send_payloads(self, header: dict[str, Any], segments: list[Buffer], payloads: Sequence[Payload]) -> None:
        """Send one frame whose last segments are payloads."""
        fds: list[int] = []
        for payload in payloads:
            if type(payload) is bytes:
                segments.append(payload)
            else:
                segments.append(self._lend(payload, header, fds))
        self._write(header, segments, fds)

    def _lend(self, payload: Any, header: dict[str, Any], fds: list[int]) -> Buffer:
        shared: SharedPayload = payload
        if not self.passes_fds:
            return shared.scattered()
        if self.lent.lend(shared.segment):
            header.setdefault("fds", []).append(shared.segment.id)
            fds.append(shared.segment.fd)
        return shared.descriptor()

    def _write(self, header: dict[str, Any], segments: Sequence[Buffer], fds: list[int]) -> None:
        if self._muted:
            return
        unflushed = self._host.unflushed
        if unflushed is not None and not fds and sum(map(len, segments)) < _GATHER_BELOW:
            if not self._gathered:
                unflushed.append(self._flush)
            self._gathered.append(prefix(header, list(map(len, segments))) + b"".join(segments))
            return
        self._flush()
        sizes = list(map(len, segments))
        head = prefix(header, sizes)
        total = len(head) + sum(sizes)
        buffers: list[Buffer] = [head + b"".join(segments)] if total < _JOIN_BELOW else [head, *segments]
        self._put(buffers, total, fds)

    def _flush(self) -> None:
        """Write what one turn has gathered: small frames, of which each would be a system call here and there."""
        gathered, self._gathered = self._gathered, []
        if gathered and not self._muted:
            data = b"".join(gathered)
            self._put([data], len(data), [])

    def _put(self, buffers: list[Buffer], total: int, fds: list[int]) -> None:
        if self._unsent:
            self._queue(buffers, fds)
            return
        try:
            if fds:
                ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
                sent = self._socket.sendmsg(buffers[:512], ancillary)
            elif len(buffers) == 1:
                sent = self._socket.send(buffers[0])
            else:
                sent = self._socket.sendmsg(buffers[:512])
        except BlockingIOError:
            self._queue(buffers, fds)
            self._loop.add_writer(self._fd, self._writable)
            return
        except (BrokenPipeError, ConnectionResetError):
            self._mute()
            return
        except OSError as error:
            self._fail(f"writing failed: {error}")
            return
        if sent < total:
            self._queue(_after(buffers, sent), [])
            self._loop.add_writer(self._fd, self._writable)

    def _queue(self, buffers: Sequence[Buffer], fds: list[int]) -> None:
        views = [memoryview(b).cast("B") for b in buffers if len(b)]
        if fds:  # descriptors go with the first byte of their frame
            duplicates = [os.dup(fd) for fd in fds]
            self._unsent_fds.append((len(self._unsent), duplicates))
        self._unsent.extend(views)

    def _writable(self) -> None:
        unsent = self._unsent
        try:
            while unsent:
                ancillary = []
                if self._unsent_fds and self._unsent_fds[0][0] == 0:
                    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", self._unsent_fds[0][1]))]
                limit = next((at for at, _ in self._unsent_fds if at > 0), len(unsent))
                views = [unsent[i] for i in range(min(limit, len(unsent), 64))]
                sent = self._socket.sendmsg(views, ancillary)
                if ancillary:
                    for fd in self._unsent_fds.popleft()[1]:
                        os.close(fd)
                self._consume(sent)
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            self._mute()
            return
        except OSError as error:
            self._fail(f"writing failed: {error}")
            return
        self._loop.remove_writer(self._fd)

    def _mute(self) -> None:
        """The peer reads no more. What it said before it left is still to be read; then comes the end of the stream."""
        self._muted = True
        self._loop.remove_writer(self._fd)
        self._drop_unsent()

    def _drop_unsent(self) -> None:
        for _, fds in self._unsent_fds:
            for fd in fds:
                os.close(fd)
        self._unsent_fds.clear()
        self._unsent.clear()

    def _consume(self, sent: int) -> None:
        unsent = self._unsent
        gone = 0
        while sent:
            head = unsent[0]
            if sent < len(head):
                unsent[0] = head[sent:]
                break
            sent -= len(head)
            unsent.popleft()
            gone += 1
        if gone and self._unsent_fds:
            self._unsent_fds = deque((at - gone, fds) for at, fds in self._unsent_fds)

    # ---- reading ------------------------------------------------------------------------------------------------

    def _readable(self) -> None:
        try:
            if self.passes_fds:
                size, ancillary, _, _ = self._socket.recvmsg_into(self._into, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
                if ancillary:
                    self._take_fds(ancillary)
            else:
                size = self._socket.recv_into(self._buffer)
        except (BlockingIOError, InterruptedError):
            return
        except ConnectionResetError:
            self._fail("")
            return
        except OSError as error:
            self._fail(f"reading failed: {error}")
            return
        if not size:
            self._fail("")
            return
        self._host.hold()
        try:
            for header, segments in self._reader.feed(bytes(self._buffer[:size])):
                if "fds" in header:
                    self._adopt(header["fds"])
                kind = header["t"]
                if kind == "release":
                    for segment_id, receipts in header["segments"]:
                        self.lent.released(int(segment_id), int(receipts))
                elif kind == "forget":
                    for segment_id in header["segments"]:
                        self.foreign.forget(int(segment_id))
                else:
                    self._on_frame(header, segments)
                if self._closed:
                    return
        except MALFORMED as error:
            self._fail(f"the container broke the protocol: {type(error).__name__}: {error}")
        finally:
            self._host.pump()

    def payload(self, segment: bytes) -> Payload:
        """A payload segment of a frame, checked. Raises `SegmentError`."""
        return received(segment, self.foreign if self.passes_fds else None)

    def _take_fds(self, ancillary: list[tuple[int, int, bytes]]) -> None:
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
                self._fds.extend(fds)

    def _adopt(self, ids: Any) -> None:
        for segment_id in ids:
            if not self._fds:
                raise SegmentError("a frame names descriptors that did not come")
            self.foreign.add(int(segment_id), self._fds.popleft())

    # ---- shared memory and the end --------------------------------------------------------------------------------

    def _release(self, peer_id: int, receipts: int) -> None:
        """Called from any thread when the last view of a segment is gone."""
        try:
            self._loop.call_soon_threadsafe(self.send, {"t": "release", "segments": [[peer_id, receipts]]})
        except RuntimeError:
            pass  # the loop is closed: the session has ended

    def forget(self, segment: int) -> None:
        """A segment of ours was freed: the peer must unmap it."""
        if self.lent.forget(segment):
            self.send({"t": "forget", "segments": [segment]})

    def _fail(self, why: str) -> None:
        if not self._closed:
            self.close()
            self._on_closed(why)

    def close(self) -> None:
        """Stop and free everything. Idempotent."""
        if self._closed:
            return
        self._closed = self._muted = True
        self._loop.remove_reader(self._fd)
        self._loop.remove_writer(self._fd)
        self._socket.close()
        for fd in self._fds:
            os.close(fd)
        self._fds.clear()
        self._drop_unsent()
        self.lent.close()
        self.foreign.close()


def _after(buffers: Sequence[Buffer], sent: int) -> list[Buffer]:
    rest: list[Buffer] = []
    for buffer in buffers:
        size = len(buffer)
        if sent >= size:
            sent -= size
        else:
            rest.append(memoryview(buffer)[sent:] if sent else buffer)
            sent = 0
    return rest
