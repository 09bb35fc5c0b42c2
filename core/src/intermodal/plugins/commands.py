"""For launchers whose containers are commands of this machine: `ssh`, `docker run`, `systemd-run` and the like.

Public to authors of backends.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import select
import shutil
import signal
import socket
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Literal

from intermodal.exception import BackendError, CapabilityNotSupported
from intermodal.plugins.roles import ContainerExit, ExecProcess, OutputSink
from intermodal.specs import ContainerSpec

__all__ = ["GUEST_PATH", "CommandContainer", "GuestSocket", "guest_command", "packed", "run_command", "start_command"]

#: Where a container has the guest: one of the mounts of each spec.
GUEST_PATH = "/opt/intermodal/guest"

_CHUNK = 1 << 16
#: Seconds that who has the stream gets to close it when the guest has hung up.
_LINGER_S = 0.5


async def start_command(words: Sequence[str]) -> asyncio.subprocess.Process:
    """Start a command with pipes to it, in a session of its own: a Ctrl-C in the user's terminal is not meant for it.

    Raises `BackendError` where there is no such command.
    """
    pipe = asyncio.subprocess.PIPE
    try:
        return await asyncio.create_subprocess_exec(
            *words, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
        )
    except OSError as error:
        raise BackendError(f"cannot run {words[0]}: {error.strerror}") from None


async def run_command(words: Sequence[str], given: bytes = b"") -> str:
    """What a command prints on standard output, and `given` is its input. A cancelled wait ends it.

    Raises `BackendError` with what it printed where its exit code is not 0.
    """
    process = await start_command(words)
    try:
        output, errors = await process.communicate(given)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise
    if process.returncode:
        said = (output + errors).decode(errors="replace").strip()
        raise BackendError(f"{words[0]} ended with {process.returncode}" + (f":\n{said}" if said else ""))
    return output.decode(errors="replace")


def guest_command(spec: ContainerSpec, python: str, stream: str) -> list[str]:
    """What to run inside a container of `spec`.

    Args:
        spec: as the launcher got it.
        python: the image's interpreter, inside.
        stream: "--connect=unix:PATH", "--fd=NUMBER" or "--stdio".
    """
    return [python, GUEST_PATH, stream, *(f"--path={path}" for path in spec.python_path)]


def packed(source: str, name: str) -> bytes:
    """A tar archive with the file or directory `source`, called `name`, for launchers that copy mounts elsewhere."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(source, name)
    return archive.getvalue()


class GuestSocket:
    """A unix socket that one guest connects to, for `--connect unix:PATH`. A context manager: leaving removes it.

    Its directory is this user's alone. `path` may be mounted into the container or forwarded from another machine.
    """

    path: str

    def __enter__(self) -> GuestSocket:
        self._folder = tempfile.mkdtemp(prefix="intermodal-")
        self.path = os.path.join(self._folder, "guest")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(1)
        self._listener.setblocking(False)
        return self

    async def accept(self) -> socket.socket:
        """The guest's stream, when it has connected."""
        stream, _ = await asyncio.get_running_loop().sock_accept(self._listener)
        return stream

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take no guest any more, and remove the socket. Idempotent."""
        self._listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class CommandContainer:
    """A container that lives as long as a command does. It is an `intermodal.plugins.Container`.

    The command's standard output, error and exit code are the container's; 128 and a signal's number stand for that
    signal, as in a shell. Call `connect` before anything else.

    Args:
        id: the spec's.
        process: what `start_command` gave.
        output: the launcher's sink.
        end: ends the container at once, whatever runs in it; default: SIGKILL to the command.
    """

    stream: socket.socket

    def __init__(
        self,
        id: str,
        process: asyncio.subprocess.Process,
        output: OutputSink,
        *,
        end: Callable[[], None] | None = None,
    ) -> None:
        self.id = id
        self._process = process
        self._output = output
        self._end = end or process.kill
        self._hang_up: select.epoll | None = None
        self._exit = asyncio.create_task(self._watch())

    async def connect(self, door: GuestSocket, boot: bytes) -> None:
        """Wait for the guest and send it the boot frame. Where that fails or is cancelled, the container is ended.

        Raises `BackendError` where the command ended before the guest came; what it printed went to the sink.
        """
        accepting = asyncio.create_task(door.accept())
        try:
            await asyncio.wait({accepting, self._exit}, return_when=asyncio.FIRST_COMPLETED)
            if not accepting.done():
                ended = self._exit.result()
                raise BackendError(f"container {self.id} ended before its guest came, with code {ended.code}")
            self.stream = accepting.result()
            self._await_hang_up()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # its exit tells
                await asyncio.get_running_loop().sock_sendall(self.stream, boot)
        except BaseException:
            door.close()  # a command that forwards the stream would wait for whoever is behind it
            if not accepting.cancel() and accepting.exception() is None:
                accepting.result().close()
            await self.kill()
            await self.wait()
            raise

    async def wait(self) -> ContainerExit:
        """See `intermodal.plugins.Container`."""
        return await asyncio.shield(self._exit)

    async def kill(self) -> None:
        """See `intermodal.plugins.Container`."""
        if not self._exit.done():
            with contextlib.suppress(ProcessLookupError):
                self._end()

    async def set_parked(self, parked: bool) -> None:
        """A command holds no reservation that it could give back."""

    async def exec(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        workdir: str | None = None,
        pty: bool = False,
        size: tuple[int, int] = (24, 80),
    ) -> ExecProcess:
        """Refused; derive from this class where you can."""
        raise CapabilityNotSupported("exec")

    async def _watch(self) -> ContainerExit:
        await asyncio.gather(self._pump(1, self._process.stdout), self._pump(2, self._process.stderr))
        code = await self._process.wait()
        self._forget_hang_up()
        if code < 0:
            code = 128 - code
        return ContainerExit(cause="killed" if 0 < code - 128 < signal.NSIG else "exited", code=code)

    def _await_hang_up(self) -> None:
        """Hear of it when the guest closes the stream, whoever reads it."""
        self._hang_up = select.epoll()
        self._hang_up.register(self.stream, select.EPOLLRDHUP)
        asyncio.get_running_loop().add_reader(self._hang_up.fileno(), self._guest_hung_up)

    def _forget_hang_up(self) -> None:
        if self._hang_up is not None and not self._hang_up.closed:
            asyncio.get_running_loop().remove_reader(self._hang_up.fileno())
            self._hang_up.close()

    def _guest_hung_up(self) -> None:
        self._forget_hang_up()
        asyncio.get_running_loop().call_later(_LINGER_S, self._end_stream)

    def _end_stream(self) -> None:
        """A command that forwards the stream (ssh) waits for its end, and who has the stream may wait for the exit."""
        with contextlib.suppress(OSError):  # it was closed, as it should be
            self.stream.shutdown(socket.SHUT_WR)

    async def _pump(self, number: Literal[1, 2], reader: asyncio.StreamReader | None) -> None:
        while reader is not None and (data := await reader.read(_CHUNK)):
            self._output(number, data)
