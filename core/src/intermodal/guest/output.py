"""stdout and stderr of user code: whole lines, each with the attempt that wrote it (log.lines).

Bytes go out when a line is complete, so a crash loses nothing that was printed with a newline. What bypasses Python
(C code, child processes) reaches the raw descriptors 1 and 2, which are the launcher's.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from intermodal.wire.frame import Buffer

__all__ = ["LONGEST", "LineWriter", "Sink", "install"]

#: A line that goes on without an end is cut into pieces of this many bytes, as the other side cuts raw output.
LONGEST = 1 << 20

#: stream (1 or 2), attempt, complete lines
Sink = Callable[[int, int, bytes], None]


class LineWriter(io.TextIOBase):
    """Stands for `sys.stdout` or `sys.stderr`. Until it is bound, and in forked children, it writes raw."""

    def __init__(self, stream: int, name: str) -> None:
        self._stream = stream
        self.name = name
        self.mode = "w"
        self._parts: dict[int, bytearray] = {}
        self._gate = threading.RLock()  # a signal handler that prints may interrupt a print
        self._sink: Sink | None = None
        self._attempt: Callable[[], int] = lambda: 0
        self._shield: Any = None
        self.buffer = _Bytes(self)

    encoding = "utf-8"
    errors = "backslashreplace"

    def bind(self, sink: Sink, attempt: Callable[[], int], shield: Any) -> None:
        """Send lines to `sink` from now on. `attempt()`: what runs; `shield` keeps cancellation out of a write."""
        self._sink, self._attempt, self._shield = sink, attempt, shield

    def unbind(self) -> None:
        """Back to the raw descriptor: the connection is not ours any more."""
        self._sink = None
        self._parts.clear()
        self._gate = threading.RLock()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._stream

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self.write_bytes(text.encode("utf-8", "backslashreplace"))
        return len(text)

    def write_bytes(self, data: Buffer) -> None:
        """Complete lines go out; the rest waits for its end, for `end_of`, or for more."""
        sink = self._sink
        if sink is None:
            _write_raw(self._stream, data)
            return
        with self._shield, self._gate:
            attempt = self._attempt()
            text = bytes(data)
            end = text.rfind(b"\n") + 1
            if end:
                sink(self._stream, attempt, bytes(self._parts.pop(attempt, b"")) + text[:end])
            if end < len(text):
                rest = self._parts.setdefault(attempt, bytearray())
                rest += text[end:]
                while len(rest) > LONGEST:
                    sink(self._stream, attempt, bytes(rest[:LONGEST]) + b"\n")
                    del rest[:LONGEST]

    def end_of(self, attempt: int) -> None:
        """The attempt is over: what it left of a line goes out as one."""
        if attempt in self._parts:
            with self._gate:
                rest = self._parts.pop(attempt, b"")
                if rest and self._sink is not None:
                    self._sink(self._stream, attempt, bytes(rest) + b"\n")

    @property
    def pending(self) -> bool:
        """True where a line waits for its end."""
        return bool(self._parts)


class _Bytes(io.RawIOBase):
    """The binary face, as `sys.stdout.buffer`."""

    def __init__(self, writer: LineWriter) -> None:
        self._writer = writer

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._writer.fileno()

    def write(self, data: Any) -> int:
        with memoryview(data) as view:
            self._writer.write_bytes(view.tobytes())
            return view.nbytes


def _write_raw(fd: int, data: Buffer) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except OSError:  # nobody reads it: there is nowhere left to say so
            return


def install() -> tuple[LineWriter, LineWriter]:
    """Put line writers in place of `sys.stdout` and `sys.stderr`, once."""
    for name, stream in (("stdout", 1), ("stderr", 2)):
        current = getattr(sys, name)
        if not isinstance(current, LineWriter):
            if current is not None:
                current.flush()
            setattr(sys, name, LineWriter(stream, f"<{name}>"))
    out, err = sys.stdout, sys.stderr
    assert isinstance(out, LineWriter)
    assert isinstance(err, LineWriter)
    return out, err
