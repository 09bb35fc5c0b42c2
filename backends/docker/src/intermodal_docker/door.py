"""Where the first processes of a session's containers connect: a unix socket in a directory that all of them mount."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from intermodal_docker import inside
from intermodal_docker.inside.messages import Reader

__all__ = ["INSIDE", "Door"]

#: Where a container has the directory.
INSIDE = "/run/intermodal"
_FILES = ("init.py", "messages.py", "programs.py")


class Door:
    """A context manager: entering makes the directory and listens; on the loop.

    Args:
        folder: does not exist yet. Its parent is this user's alone, so that nobody else comes near the socket; a
            container's user may be another one, hence the modes.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loop = asyncio.get_running_loop()
        self._expected: dict[str, asyncio.Future[Reader]] = {}
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

    @contextlib.contextmanager
    def expect(self) -> Iterator[tuple[str, asyncio.Future[Reader]]]:
        """A token for one container, good once; and its connection, when it has come and shown it.

        Who leaves without an error owns the connection; else it is closed.
        """
        token = secrets.token_hex(16)
        self._expected[token] = coming = self._loop.create_future()
        try:
            yield token, coming
        except BaseException:
            if not coming.cancel() and not coming.cancelled():
                coming.result().close()  # it came at the very moment when nobody wanted it any more
            raise
        finally:
            del self._expected[token]

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
        coming.set_result(visitor)

    def _forget(self, visitor: Reader) -> None:
        self._loop.remove_reader(visitor.sock)
        del self._visitors[visitor.sock.fileno()]

    def _dismiss(self, visitor: Reader) -> None:
        self._forget(visitor)
        visitor.close()
