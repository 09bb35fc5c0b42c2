"""A link whose frames a thread reads: of processes that ask a control plane, and are none of its containers.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from intermodal.client.completion import Completion
from intermodal.wire.frame import Buffer, FrameReader
from intermodal.wire.payload import Payload, received

__all__ = ["ReadLink"]

OnFrame = Callable[[dict[str, Any], list[bytes]], None]


class ReadLink:
    """Implements `intermodal.client.linked.Link` over a stream that carries no shared memory.

    Args:
        write: sends one frame, its header and segments; an `OSError` says that the stream has ended.
        lost: what to raise where an answer will never come.
    """

    arena = None

    def __init__(
        self, write: Callable[[dict[str, Any], Sequence[Buffer]], None], lost: Callable[[], Exception]
    ) -> None:
        self._write = write
        self._lost = lost
        self._writing = threading.Lock()
        self._waiting: set[Completion[Any]] = set()
        self._over = False
        self._reader = 0

    def read(self, pieces: Iterable[Buffer], handlers: Mapping[str, OnFrame]) -> None:
        """As `take`, of the frames in a stream's pieces. Raises `FrameError`."""
        reader = FrameReader()
        self.take((frame for piece in pieces for frame in reader.feed(piece)), handlers)

    def take(self, frames: Iterable[tuple[dict[str, Any], list[bytes]]], handlers: Mapping[str, OnFrame]) -> None:
        """Give each frame to the handler of its name, until there are no more: then what waits fails. For a thread of
        its own. Frames that no handler takes are passed over. Raises what `frames` does."""
        self._reader = threading.get_ident()
        try:
            for header, segments in frames:
                if header["t"] in handlers:
                    handlers[header["t"]](header, segments)
        finally:
            self._over = True
            for completion in list(self._waiting):
                completion.fail(self._lost())

    def attempt(self) -> int:
        """This is no input's code."""
        return 0

    def send(self, header: dict[str, Any], columns: Sequence[Buffer] = (), payloads: Iterable[Any] = ()) -> None:
        """One frame; what cannot be sent is answered by the end of the stream."""
        segments = [*columns, *payloads]
        if threading.get_ident() == self._reader:  # it goes on reading: that may be what a writer waits for
            late = threading.Thread(target=self._send, args=(header, segments), name="intermodal-late", daemon=True)
            late.start()
        else:
            self._send(header, segments)

    def _send(self, header: dict[str, Any], segments: Sequence[Buffer]) -> None:
        with self._writing, contextlib.suppress(OSError):
            self._write(header, segments)

    def payload(self, segment: bytes) -> Payload:
        """As it came. Raises `SegmentError`."""
        return received(segment, None)

    def payloads(self, segments: list[bytes]) -> Sequence[Payload]:
        """The same for several."""
        return [received(segment, None) for segment in segments]

    def wait(self, completion: Completion[Any], nested: bool) -> None:
        """Until it is answered."""
        with self._watched(completion):
            Completion.wait(completion)

    async def wait_async(self, completion: Completion[Any], nested: bool) -> None:
        """The same on a loop."""
        with self._watched(completion):
            await Completion.wait_async(completion)

    @contextlib.contextmanager
    def _watched(self, completion: Completion[Any]) -> Iterator[None]:
        self._waiting.add(completion)
        if self._over:
            completion.fail(self._lost())
        try:
            yield
        finally:
            self._waiting.discard(completion)
