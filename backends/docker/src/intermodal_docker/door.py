"""Where the first processes of a session's containers connect: a unix socket in a directory that all of them mount."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from intermodal.specs import HostMount
from intermodal_docker import inside
from intermodal_docker.engine import Bind, Exec
from intermodal_docker.entrance import INSIDE, First, Printed, Way
from intermodal_docker.inside.line import Line
from intermodal_docker.inside.messages import Reader, SocketLine
from intermodal_docker.listening import listen

__all__ = ["Door"]

_FILES = ("init.py", "messages.py", "programs.py", "watch.py")
#: Seconds that a message may wait for process 1 to take it.
_PATIENCE_S = 5.0


class Door:
    """See `intermodal_docker.entrance.Entrance`. A context manager: entering makes the directory and listens; on the
    loop.

    Args:
        folder: does not exist yet. Its parent is this user's alone, so that nobody else comes near the socket; a
            container's user may be another one, hence the modes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loop = asyncio.get_running_loop()
        self._expected: dict[str, asyncio.Future[Line]] = {}
        self._visitors: dict[int, Reader] = {}
        self._listener = socket.socket(socket.AF_UNIX)

    def __enter__(self) -> Door:
        self.folder.mkdir()
        source = Path(inside.__file__).parent
        for name in _FILES:
            shutil.copyfile(source / name, self.folder / name)
            (self.folder / name).chmod(0o644)
        self._bind()
        self.folder.chmod(0o755)
        self._listener.listen(128)
        self._listener.setblocking(False)
        self._loop.add_reader(self._listener, self._open)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._listener)
        self._listener.close()
        for visitor in list(self._visitors.values()):
            self._dismiss(visitor)
        shutil.rmtree(self.folder, ignore_errors=True)

    async def way(self, mounts: Sequence[HostMount], image: str, first: First) -> Way:
        """See `intermodal_docker.entrance.Entrance`."""
        shown = [Bind(mount.source, mount.target) for mount in mounts]
        return Way(command=first.command("door"), binds=(Bind(str(self.folder), INSIDE), *shown))

    @contextlib.contextmanager
    def expect(self, printed: Printed, silent: Callable[[], None]) -> Iterator[_Knock]:
        """See `intermodal_docker.entrance.Entrance`. A token is good once."""
        knock = _Knock(secrets.token_hex(16), self._loop, printed, silent)
        self._expected[knock.token] = knock.coming
        try:
            yield knock
        except BaseException:
            if not knock.coming.cancel() and not knock.coming.cancelled():
                knock.coming.result().close()  # it came at the very moment when nobody wanted it any more
            raise
        finally:
            del self._expected[knock.token]

    def _bind(self) -> None:
        """By way of a descriptor, as the length of a socket's path is limited."""
        fd = os.open(self.folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._listener.bind(f"/proc/self/fd/{fd}/door")
        finally:
            os.close(fd)
        (self.folder / "door").chmod(0o666)

    def _open(self) -> None:
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        self._visitors[sock.fileno()] = visitor = Reader(sock)
        self._loop.add_reader(sock, self._hear, visitor)

    def _hear(self, visitor: Reader) -> None:
        try:
            said = visitor.read()
        except BlockingIOError:
            return
        except (OSError, ValueError):
            said = None
        if said == []:
            return
        token = said[0].get("token") if said and isinstance(said[0], dict) else None
        coming = self._expected.get(str(token))
        if coming is None or coming.done():
            self._dismiss(visitor)
            return
        self._forget(visitor)
        coming.set_result(SocketLine(self._loop, visitor, _PATIENCE_S))

    def _forget(self, visitor: Reader) -> None:
        self._loop.remove_reader(visitor.sock)
        del self._visitors[visitor.sock.fileno()]

    def _dismiss(self, visitor: Reader) -> None:
        self._forget(visitor)
        visitor.close()


class _Knock:
    """See `intermodal_docker.entrance.Visit`."""

    def __init__(
        self, token: str, loop: asyncio.AbstractEventLoop, printed: Printed, silent: Callable[[], None]
    ) -> None:
        self.token = token
        self.coming: asyncio.Future[Line] = loop.create_future()
        self._loop, self._printed, self._silent = loop, printed, silent

    def attached(self, streams: Exec) -> None:
        """See `intermodal_docker.entrance.Visit`."""
        listen(streams, self._loop, self._printed, self._silent)
