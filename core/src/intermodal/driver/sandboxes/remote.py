"""The client of sandboxes that another process of this user runs, on this machine."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from intermodal.client.completion import Completion
from intermodal.client.guest import GuestClient
from intermodal.driver.sandboxes.door import connect
from intermodal.driver.sandboxes.place import living, session_of
from intermodal.exception import ConnectionError, NotFoundError
from intermodal.plugins import Config
from intermodal.wire.frame import Buffer, FrameReader, encode

__all__ = ["client_of", "clients"]

_CHUNK = 1 << 16
_gate = threading.Lock()
_known: dict[Path, GuestClient] = {}


def client_of(sandbox: str) -> GuestClient:
    """A client of the session that `sandbox` belongs to. Raises `NotFoundError`."""
    folder = session_of(Config.load().data_dir, sandbox)
    client = None if folder is None else _client(folder)
    if client is None:
        raise NotFoundError(
            f"there is no sandbox {sandbox!r}: it lasts no longer than the run that made it, and is looked for in the "
            "data directory (INTERMODAL_DATA_DIR); `intermodal sandbox ls` lists what there is"
        )
    return client


def clients() -> Iterator[GuestClient]:
    """One for each session of this user and data directory that has made sandboxes and goes on."""
    for folder in living(Config.load().data_dir):
        client = _client(folder)
        if client is not None:
            yield client


def _client(folder: Path) -> GuestClient | None:
    with _gate:
        if folder not in _known:
            try:
                sock = connect(folder)
            except OSError:
                return None
            link = _Link(sock, lambda: _known.pop(folder, None))
            client = _known[folder] = GuestClient(link)
            link.start(client)
        return _known[folder]


class _Link:
    """See `intermodal.client.guest.GuestLink`. A thread reads the answers."""

    arena = None

    def __init__(self, sock: socket.socket, ended: Any) -> None:
        self._sock = sock
        self._ended = ended
        self._writing = threading.Lock()
        self._waiting: set[Completion[Any]] = set()
        self._over = False

    def start(self, client: GuestClient) -> None:
        """Begin to read for `client`."""
        threading.Thread(target=self._read, args=(client,), daemon=True, name="intermodal-sandboxes").start()

    def attempt(self) -> int:
        """This is no input's code."""
        return 0

    def send(self, header: dict[str, Any], columns: Sequence[Buffer] = (), payloads: Iterable[Any] = ()) -> None:
        """One frame; what cannot be sent is answered by the end of the connection."""
        with self._writing, contextlib.suppress(OSError):
            self._sock.sendall(b"".join(encode(header, [*columns, *payloads])))

    def payload(self, segment: bytes) -> Any:
        """Requests of sandboxes carry plain bytes."""
        return segment

    def payloads(self, segments: list[bytes]) -> Sequence[Any]:
        """The same."""
        return segments

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
            completion.fail(_lost())
        try:
            yield
        finally:
            self._waiting.discard(completion)

    def _read(self, client: GuestClient) -> None:
        reader, take = FrameReader(), client.handlers()["reply"]
        with contextlib.suppress(OSError):
            while data := self._sock.recv(_CHUNK):
                for header, segments in reader.feed(data):
                    take(header, segments)
        self._over = True
        self._ended()
        self._sock.close()
        for completion in list(self._waiting):
            completion.fail(_lost())


def _lost() -> ConnectionError:
    return ConnectionError("the run that this sandbox belongs to has ended")
