"""What looks at a sandbox's files from inside, for whoever drives it: `python -c` with this, frames on both streams.

It answers `do` with `done`, in order, but for what waits for changes. Standard library only and Python 3.10 syntax.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

from intermodal.guest.attendant_files import Files
from intermodal.guest.attendant_watches import Watches
from intermodal.wire.frame import FrameReader, encode

__all__ = ["main"]

_CHUNK = 1 << 16


class Attendant:
    """Serves one connection: `source` and `target` are descriptors. Files and watches are numbered from `after` on, so
    that none has the number of one of an attendant before."""

    def __init__(self, source: int, target: int, after: int) -> None:
        self._source, self._target = source, target
        self._gate = threading.Lock()
        files, self._watches = Files(after), Watches(after)
        self._operations: dict[str, Callable[..., Any]] = {**files.operations(), **self._watches.operations()}

    def serve(self) -> None:
        """Until the stream ends."""
        self._send({"t": "hello"})
        reader = FrameReader()
        while data := os.read(self._source, _CHUNK):
            for header, segments in reader.feed(data):
                if header["op"] == "changes":
                    threading.Thread(target=self._do, args=(header, segments), daemon=True).start()
                else:
                    self._do(header, segments)

    def _do(self, header: dict[str, Any], segments: Sequence[bytes]) -> None:
        done = {"t": "done", "id": header["id"]}
        try:
            value = self._operations[header["op"]](*segments, **header["with"])
        except (OSError, ValueError) as error:
            name = type(error).__name__ if isinstance(error, OSError) else "OSError"
            self._send({**done, "error": name, "message": _words(error)})
            return
        if isinstance(value, bytes):
            self._send(done, (value,))
        else:
            self._send({**done, "value": value})

    def _send(self, header: dict[str, Any], segments: Sequence[bytes] = ()) -> None:
        data = memoryview(b"".join(encode(header, segments)))
        with self._gate:
            while data:
                data = data[os.write(self._target, data) :]


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{error.strerror}: {os.fsdecode(error.filename)!r}"
    return str(error)


def main(after: int) -> None:
    """Serve on standard input and output."""
    Attendant(0, 1, after).serve()
