"""A line over one stream of bytes: what is written to a descriptor at one end comes out of one at the other.

Where a container and its launcher share no socket, a message cannot carry descriptors. So each end keeps the one that
it was given, the far end makes another in its place, and the two ends carry between them. Frames are `_HEAD` (what,
which channel, how many bytes) and the bytes:

- MESSAGE: `{"m": message, "fds": [[way, channel], ...]}`; the way is that of the descriptor which the message brings:
  "r" to read from, "w" to write to, "rw" both.
- DATA, and END of it; ROOM: so many more bytes may be sent; DEAF: nobody reads this any more.
- SIZE: of a terminal, rows and columns.

Used at both ends; inside it is a file beside `init.py`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import socket
import stat
import struct
import termios
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from intermodal_docker.inside.line import Heard, Loop
    from intermodal_docker.inside.messages import Message

__all__ = ["PipeWire", "Relay", "Wire", "greeting"]

MESSAGE, DATA, END, ROOM, DEAF, SIZE = range(6)
_HEAD = struct.Struct("!BII")
_COUNT = struct.Struct("!I")
_WINSIZE = struct.Struct("!HH")
_CHUNK = 64 << 10
#: Bytes of one channel that may be on their way: a reader that is slow holds up nobody else.
_WINDOW = 1 << 20
#: No more is read from channels while so much waits for the stream.
_HIGH, _LOW = 1 << 20, 256 << 10
_SETTLE_S = 10.0


class Wire(Protocol):
    """A stream of bytes, without blocking."""

    def fileno(self) -> int:
        """To read from."""
        ...

    def outlet(self) -> int:
        """The descriptor to write to; the same one, or another."""
        ...

    def read(self) -> bytes:
        """What has come; empty at the end. Raises `BlockingIOError` where nothing has."""
        ...

    def write(self, data: memoryview) -> int:
        """How much of it was taken. Raises `BlockingIOError`, `OSError`."""
        ...

    def close(self) -> None: ...


class PipeWire:
    """A wire of two pipes: a container's own standard input and output."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write

    def greet(self, data: bytes) -> None:
        """Write it whole."""
        while data:
            data = data[os.write(self._write, data) :]
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)

    def fileno(self) -> int:
        """See `Wire`."""
        return self._read

    def outlet(self) -> int:
        """See `Wire`."""
        return self._write

    def read(self) -> bytes:
        """See `Wire`."""
        return os.read(self._read, _CHUNK)

    def write(self, data: memoryview) -> int:
        """See `Wire`."""
        return os.write(self._write, data)

    def close(self) -> None:
        """See `Wire`."""
        os.close(self._read)
        os.close(self._write)


class _Channel:
    """One descriptor that is kept here. `room`: how much may be sent; `owed`: how much was taken and not yet told."""

    __slots__ = ("fd", "number", "owed", "queue", "reads", "room", "stopping", "writes")

    def __init__(self, number: int, fd: int, reads: bool, writes: bool) -> None:
        self.number, self.fd, self.reads, self.writes = number, fd, reads, writes
        self.queue: deque[memoryview] = deque()
        self.room, self.owed, self.stopping = _WINDOW, 0, False


class Relay:
    """See `intermodal_docker.inside.line.Line`.

    Args:
        first: the number of this end's first channel: 0 or 1, another one at each end.
    """

    local = False

    def __init__(self, loop: Loop, wire: Wire, first: int) -> None:
        self._loop = loop
        self._wire = wire
        self._next = first
        self._in = bytearray()
        self._out = bytearray()
        self._writing = False
        self._channels: dict[int, _Channel] = {}
        self._held_up: set[int] = set()
        self._terminals: dict[int, int] = {}
        self._over: Callable[[], None] | None = None
        self._closed = False

    # ---- the line ---------------------------------------------------------------------------------------------------

    def fileno(self) -> int:
        """See `Line`."""
        return self._wire.fileno()

    def listen(self, heard: Heard, over: Callable[[], None]) -> None:
        """See `Line`."""
        self._heard, self._over = heard, over
        self._loop.add_reader(self._wire.fileno(), self._readable)
        self._readable()  # what came with the greeting

    def tell(self, message: Message, fds: Sequence[int] = ()) -> None:
        """See `Line`."""
        if self._closed:
            raise BrokenPipeError("the line is closed")
        carried = []
        for fd in fds:
            reads, writes = _ways(fd)
            channel = self._open(os.dup(fd), reads, writes)
            # Who gets it reads what we read here, and the other way round.
            carried.append(["r" * reads + "w" * writes, channel.number])
            if message["t"] == "terminal":
                self._terminals[message["n"]] = channel.fd
        self._send(MESSAGE, 0, json.dumps({"m": message, "fds": carried}).encode())
        self._flush()

    def resize(self, number: int, rows: int, columns: int) -> bool:
        """See `Line`."""
        self._send(SIZE, number, _WINSIZE.pack(rows, columns))
        self._flush()
        return True

    def end(self) -> None:
        """See `Line`."""
        if not self._closed:
            self.tell({"t": "leave"})

    def close(self) -> None:
        """See `Line`."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._wire.fileno())
        if self._writing:
            self._loop.remove_writer(self._wire.outlet())
        self._wire.close()
        self._out.clear()
        for channel in list(self._channels.values()):
            self._stop_reading(channel)
            channel.stopping = True
            self._drain(channel)  # what has come still goes to whom it is for

    def descriptors(self) -> list[int]:
        """See `Line`."""
        return [self._wire.fileno(), self._wire.outlet(), *(channel.fd for channel in self._channels.values())]

    def settle(self) -> None:
        """See `Line`."""
        deadline = time.monotonic() + _SETTLE_S
        while not self._closed and time.monotonic() < deadline and (self._out or any(map(self._has_more, self._all()))):
            self._loop.once(0.1)  # type: ignore[attr-defined]  # process 1 has a loop that can do this

    def _all(self) -> list[_Channel]:
        return list(self._channels.values())

    def _has_more(self, channel: _Channel) -> bool:
        poll = select.poll()
        poll.register(channel.fd, select.POLLIN)
        return channel.reads and bool(poll.poll(0))

    # ---- the stream -------------------------------------------------------------------------------------------------

    def _send(self, what: int, number: int, data: bytes) -> None:
        self._out += _HEAD.pack(what, number, len(data))
        self._out += data

    def _flush(self) -> None:
        try:
            while self._out and not self._closed:
                with memoryview(self._out) as view:
                    sent = self._wire.write(view[:_HIGH])
                del self._out[:sent]
        except BlockingIOError:
            if not self._writing:
                self._writing = True
                self._loop.add_writer(self._wire.outlet(), self._flush)
            return
        except OSError:
            self._out.clear()  # its end is on the way to us
        if self._writing and not self._closed:
            self._writing = False
            self._loop.remove_writer(self._wire.outlet())
        while self._held_up and len(self._out) < _LOW:
            channel = self._channels.get(self._held_up.pop())
            if channel is not None and channel.reads and channel.room:
                self._loop.add_reader(channel.fd, self._read, channel)

    def _readable(self) -> None:
        try:
            while not self._closed:
                data = self._wire.read()
                if not data:
                    self._finish()
                    return
                self._in += data
                self._cut()
        except BlockingIOError:
            pass
        except (OSError, ValueError, LookupError, TypeError, struct.error):  # nothing that an end of ours would say
            self._finish()
        self._flush()

    def _finish(self) -> None:
        if not self._closed:
            self.close()
            assert self._over is not None
            self._over()

    def _cut(self) -> None:
        start, there = 0, len(self._in)
        while there - start >= _HEAD.size:
            what, number, size = _HEAD.unpack_from(self._in, start)
            end = start + _HEAD.size + size
            if there < end:
                break
            data = bytes(self._in[start + _HEAD.size : end])
            start = end
            self._take(what, number, data)
        del self._in[:start]

    def _take(self, what: int, number: int, data: bytes) -> None:
        if what == MESSAGE:
            told = json.loads(data)
            self._heard(told["m"], [self._adopt(way, channel) for way, channel in told["fds"]])
            return
        if what == SIZE:
            self._set_size(number, *_WINSIZE.unpack(data))
            return
        channel = self._channels.get(number)
        if channel is None:
            return
        if what == DATA:
            channel.queue.append(memoryview(data))
            self._drain(channel)
        elif what == END:
            channel.stopping = True
            self._drain(channel)
        elif what == ROOM:
            self._give_room(channel, *_COUNT.unpack(data))
        elif what == DEAF:
            self._stop_reading(channel)
            self._put_away(channel)

    def _set_size(self, number: int, rows: int, columns: int) -> None:
        if number in self._terminals:
            fcntl.ioctl(self._terminals[number], termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    # ---- channels ---------------------------------------------------------------------------------------------------

    def _open(self, fd: int, reads: bool, writes: bool, number: int | None = None) -> _Channel:
        if number is None:
            number, self._next = self._next, self._next + 2
        os.set_blocking(fd, False)
        self._channels[number] = channel = _Channel(number, fd, reads, writes)
        if reads:
            self._loop.add_reader(fd, self._read, channel)
        return channel

    def _adopt(self, way: str, number: int) -> int:
        """A descriptor in place of the other end's; the one opposite it is the channel's."""
        if way == "rw":
            ours, theirs = socket.socketpair()
            theirs.setblocking(True)
            self._open(ours.detach(), True, True, number)
            return theirs.detach()
        read, write = os.pipe()
        if way == "r":
            self._open(write, False, True, number)
            return read
        self._open(read, True, False, number)
        return write

    def _read(self, channel: _Channel) -> None:
        if len(self._out) >= _HIGH:
            self._loop.remove_reader(channel.fd)
            self._held_up.add(channel.number)
            return
        try:
            data = os.read(channel.fd, min(_CHUNK, channel.room))
        except BlockingIOError:
            return
        except OSError:  # a terminal whose last program is gone; a socket that was reset
            data = b""
        if data:
            self._send(DATA, channel.number, data)
            channel.room -= len(data)
            if not channel.room:
                self._loop.remove_reader(channel.fd)
        else:
            self._send(END, channel.number, b"")
            self._stop_reading(channel)
            self._put_away(channel)
        self._flush()

    def _give_room(self, channel: _Channel, count: int) -> None:
        if channel.reads and not channel.room and channel.number not in self._held_up:
            self._loop.add_reader(channel.fd, self._read, channel)
        channel.room += count

    def _writable(self, channel: _Channel) -> None:
        self._drain(channel)
        self._flush()

    def _drain(self, channel: _Channel) -> None:
        """Write what has come, as far as it is taken."""
        try:
            while channel.queue and channel.writes:
                sent = os.write(channel.fd, channel.queue[0])
                channel.queue[0] = channel.queue[0][sent:]
                if not channel.queue[0]:
                    channel.queue.popleft()
                self._owe(channel, sent)
        except BlockingIOError:
            self._loop.add_writer(channel.fd, self._writable, channel)
            return
        except OSError:  # nobody reads it
            if not self._closed:
                self._send(DEAF, channel.number, b"")
            channel.stopping = True
            channel.queue.clear()
        self._loop.remove_writer(channel.fd)
        if channel.stopping and channel.writes:
            channel.writes = False
            if channel.reads and not _half_closed(channel.fd):
                self._stop_reading(channel)  # a terminal whose user is gone: its programs hear that it hangs up
            self._put_away(channel)

    def _owe(self, channel: _Channel, count: int) -> None:
        channel.owed += count
        if channel.owed >= _WINDOW // 4 and not self._closed:
            self._send(ROOM, channel.number, _COUNT.pack(channel.owed))
            channel.owed = 0

    def _stop_reading(self, channel: _Channel) -> None:
        if channel.reads:
            channel.reads = False
            self._held_up.discard(channel.number)
            self._loop.remove_reader(channel.fd)

    def _put_away(self, channel: _Channel) -> None:
        if not channel.reads and not channel.writes and channel.number in self._channels:
            del self._channels[channel.number]
            for program in [number for number, fd in self._terminals.items() if fd == channel.fd]:
                del self._terminals[program]
            os.close(channel.fd)


def _ways(fd: int) -> tuple[bool, bool]:
    """Whether one reads from a descriptor, and writes to it."""
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        return True, True
    mode = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE
    return mode == os.O_RDONLY, mode == os.O_WRONLY


def _half_closed(fd: int) -> bool:
    """End the writing half of a socket. False: it is none."""
    if not stat.S_ISSOCK(os.fstat(fd).st_mode):
        return False
    with socket.socket(fileno=os.dup(fd)) as sock, contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_WR)
    return True


def greeting(token: str) -> bytes:
    """What process 1 writes first: before it, others may have written."""
    return b"\0intermodal " + token.encode() + b"\n"
