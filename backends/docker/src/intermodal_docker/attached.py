"""The entrance by a container's attached standard streams, through the engine's own interface: it needs no file, no
socket and no network that the engine's machine shares with this one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from intermodal.specs import HostMount
from intermodal_docker import inside
from intermodal_docker.engine import Exec, VolumeMount
from intermodal_docker.entrance import INSIDE, First, Printed, Way
from intermodal_docker.inside.line import Line
from intermodal_docker.inside.relay import Relay, greeting
from intermodal_docker.parcels import Parcel
from intermodal_docker.shipping import Shipping

__all__ = ["Attached"]

_FILES = ("init.py", "messages.py", "programs.py", "relay.py", "watch.py")
#: Where a container has single files, which an engine cannot show elsewhere.
_SINGLE = f"{INSIDE}-files"
_HEADER = struct.Struct(">BxxxL")
_CHUNK = 256 << 10
#: Seconds, and tries, until a connection that says nothing is looked after, so that a machine which is gone is noticed.
_KEEPALIVE = ((socket.TCP_KEEPIDLE, 15), (socket.TCP_KEEPINTVL, 5), (socket.TCP_KEEPCNT, 4))


class Attached:
    """See `intermodal_docker.entrance.Entrance`. On the loop."""

    def __init__(self, shipping: Shipping) -> None:
        self._shipping = shipping
        self._loop = asyncio.get_running_loop()
        self._gate = threading.Lock()
        self._parcels: dict[tuple[tuple[str, str], ...], Parcel] = {}

    async def way(self, mounts: Sequence[HostMount], image: str, first: First) -> Way:
        """See `intermodal_docker.entrance.Entrance`. What a mount shows does not change, so it is looked at once."""
        return await asyncio.to_thread(self._way, mounts, image, first)

    @contextlib.contextmanager
    def expect(self, printed: Printed, silent: Callable[[], None]) -> Iterator[_Call]:
        """See `intermodal_docker.entrance.Entrance`."""
        call = _Call(secrets.token_hex(16), self._loop, printed, silent)
        try:
            yield call
        except BaseException:
            call.dismiss()
            raise

    def _way(self, mounts: Sequence[HostMount], image: str, first: First) -> Way:
        with self._gate:
            folders = {mount.target: Path(mount.source) for mount in mounts if Path(mount.source).is_dir()}
            single = [mount for mount in mounts if mount.target not in folders]
            home = Path(inside.__file__).parent
            wanted = {INSIDE: self._parcel({name: home / name for name in _FILES})}
            wanted |= {target: self._parcel({"": source}) for target, source in folders.items()}
            # Numbered, as several may have one name.
            names = {f"{number}/{Path(mount.target).name}": mount for number, mount in enumerate(single)}
            if names:
                wanted[_SINGLE] = self._parcel({name: Path(mount.source) for name, mount in names.items()})
            volumes = self._shipping.send(list(wanted.values()), image)
        shown = {mount.target: f"{_SINGLE}/{name}" for name, mount in names.items()}
        return Way(
            command=first.command("attached", json.dumps(shown)),
            volumes=[VolumeMount(name, target) for name, target in zip(volumes, wanted, strict=True)],
            stdin=True,
        )

    def _parcel(self, sources: dict[str, Path]) -> Parcel:
        known = tuple((name, str(path)) for name, path in sources.items())
        if known not in self._parcels:
            self._parcels[known] = Parcel.of(sources)
        return self._parcels[known]


class _Call:
    """See `intermodal_docker.entrance.Visit`."""

    def __init__(
        self, token: str, loop: asyncio.AbstractEventLoop, printed: Printed, silent: Callable[[], None]
    ) -> None:
        self.token = token
        self.coming: asyncio.Future[Line] = loop.create_future()
        self._loop, self._printed, self._silent = loop, printed, silent
        self._streams: _Streams | None = None
        self._dismissed = False

    def attached(self, streams: Exec) -> None:
        """See `intermodal_docker.entrance.Visit`."""
        try:
            self._loop.call_soon_threadsafe(self._take, streams)
        except RuntimeError:  # the session is over
            streams.close()

    def dismiss(self) -> None:
        """It is not wanted any more."""
        self._dismissed = True
        if not self.coming.cancel() and not self.coming.cancelled():
            self.coming.result().close()  # it came at the very moment when nobody wanted it any more
        elif self._streams is not None:
            self._loop.remove_reader(self._streams.fileno())
            self._streams.close()

    def _take(self, streams: Exec) -> None:
        if self._dismissed:
            streams.close()
            return
        self._streams = _Streams(streams, greeting(self.token), self._printed)
        self._loop.add_reader(self._streams.fileno(), self._look)
        self._look()

    def _look(self) -> None:
        """Until process 1 greets."""
        streams = self._streams
        assert streams is not None
        try:
            greeted = streams.greeted()
        except BlockingIOError:
            return
        except (OSError, ValueError):
            greeted = False
        self._loop.remove_reader(streams.fileno())
        self._streams = None
        self._silent()
        if greeted:
            self.coming.set_result(Relay(self._loop, streams, 0))
        else:
            streams.close()


class _Streams:
    """A container's streams, without blocking: what it writes to its standard output after the greeting is read here,
    all else is told. Implements `intermodal_docker.inside.relay.Wire`."""

    def __init__(self, streams: Exec, greeting: bytes, printed: Printed) -> None:
        self._streams = streams
        self._sock, there = streams.detach()
        _look_after(self._sock)
        self._greeting: bytes | None = greeting
        self._printed = printed
        self._raw = bytearray(there)
        self._said = bytearray()

    def fileno(self) -> int:
        """See `Wire`."""
        return self._sock.fileno()

    def outlet(self) -> int:
        """See `Wire`."""
        return self._sock.fileno()

    def greeted(self) -> bool:
        """Read up to the greeting. False at the end of the stream; raises `BlockingIOError` before."""
        while True:
            before, found, after = self._said.partition(self._greeting or b"")
            if found:
                self._tell(before)
                self._greeting, self._said = None, after
                return True
            whole = self._said.rfind(b"\0") if b"\0" in self._said else len(self._said)
            self._tell(self._said[:whole])
            del self._said[:whole]
            if not self._more():
                self._tell(self._said)
                return False

    def read(self) -> bytes:
        """See `Wire`."""
        while not self._said:
            if not self._more():
                return b""
        said = bytes(self._said)
        self._said.clear()
        return said

    def write(self, data: memoryview) -> int:
        """See `Wire`."""
        try:
            return self._sock.send(data)
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            raise BlockingIOError from None

    def close(self) -> None:
        """See `Wire`."""
        self._streams.close()

    def _more(self) -> bool:
        """Take in what has come. False at the end; raises `BlockingIOError`."""
        if not self._cut():
            try:
                data = self._sock.recv(_CHUNK)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                raise BlockingIOError from None
            if not data:
                return False
            self._raw += data
            self._cut()
        return True

    def _cut(self) -> bool:
        """Whole frames of the engine; whether there was one."""
        start, there = 0, len(self._raw)
        while there - start >= _HEADER.size:
            stream, size = _HEADER.unpack_from(self._raw, start)
            end = start + _HEADER.size + size
            if there < end:
                break
            piece = self._raw[start + _HEADER.size : end]
            if stream == 2:
                self._printed(2, bytes(piece))
            else:
                self._said += piece
            start = end
        del self._raw[:start]
        return start > 0

    def _tell(self, said: bytearray) -> None:
        if said:
            self._printed(1, bytes(said))


def _look_after(sock: socket.socket) -> None:
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            sock.setsockopt(socket.IPPROTO_TCP, option, value)
