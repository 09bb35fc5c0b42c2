"""Containers that are commands: real guests and real processes, no backend around them."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import tarfile
from pathlib import Path
from typing import Literal

import pytest

from intermodal.driver import bundle
from intermodal.exception import BackendError, CapabilityNotSupported
from intermodal.plugins.commands import (
    GUEST_PATH,
    CommandContainer,
    GuestSocket,
    guest_command,
    packed,
    run_command,
    start_command,
)
from intermodal.specs import ContainerSpec

SPEC = ContainerSpec(id="c-1", app="a", function="f", python_path=("/root", "/opt/more"))


class Output:
    """A sink that remembers."""

    def __init__(self) -> None:
        self.data = {1: b"", 2: b""}

    def __call__(self, stream: Literal[1, 2], data: bytes) -> None:
        self.data[stream] += data


async def start(script: str, output: Output) -> CommandContainer:
    return CommandContainer("c-1", await start_command([sys.executable, "-c", script]), output)


def test_the_guest_comes_by_the_socket_and_the_boot_frame_goes_first(tmp_path: Path) -> None:
    """A guest from the bundle says hello, reads the frame, and its exit code is the container's."""

    async def scenario() -> tuple[bytes, str, int | None, Output]:
        output = Output()
        folder = bundle.materialise(tmp_path)
        with GuestSocket() as door:
            words = guest_command(SPEC, sys.executable, f"--connect=unix:{door.path}")
            words[words.index(GUEST_PATH)] = str(folder)
            container = CommandContainer("c-1", await start_command(words), output)
            await container.connect(door, b"no frame at all, as long as it is")
            hello = await asyncio.get_running_loop().sock_recv(container.stream, 4096)
            ended = await container.wait()
            container.stream.close()
        return hello, ended.cause, ended.code, output

    hello, cause, code, _ = asyncio.run(scenario())
    assert b'"t":"hello"' in hello.replace(b" ", b"")
    assert (cause, code) == ("exited", 1)


def test_all_output_is_given_before_the_exit_is_told() -> None:
    """Both streams, to the last byte without a newline; the same exit for everybody who waits."""
    script = "import sys; sys.stdout.write('o' * 300000); sys.stderr.write('last words'); sys.exit(7)"

    async def scenario() -> tuple[Output, list[int | None]]:
        output = Output()
        container = await start(script, output)
        ends = await asyncio.gather(container.wait(), container.wait())
        return output, [end.code for end in ends]

    output, codes = asyncio.run(scenario())
    assert (output.data[1], output.data[2], codes) == (b"o" * 300000, b"last words", [7, 7])


@pytest.mark.parametrize(
    ("script", "cause", "code"),
    [
        ("import os; os.kill(os.getpid(), 9)", "killed", 137),
        ("raise SystemExit(139)", "killed", 139),
        ("raise SystemExit(255)", "exited", 255),
        ("pass", "exited", 0),
    ],
)
def test_how_it_ended_is_read_from_the_exit_code(script: str, cause: str, code: int) -> None:
    """Signals as a shell tells them."""

    async def scenario() -> tuple[str, int | None]:
        ended = await (await start(script, Output())).wait()
        return ended.cause, ended.code

    assert asyncio.run(scenario()) == (cause, code)


def test_killing_ends_it_and_may_be_repeated() -> None:
    """Also after the end."""

    async def scenario() -> str:
        container = await start("import time; time.sleep(600)", Output())
        await container.kill()
        await container.kill()
        ended = await container.wait()
        await container.kill()
        return ended.cause

    assert asyncio.run(scenario()) == "killed"


def test_a_command_that_ends_before_its_guest_came_is_an_error_with_its_code() -> None:
    """Nobody waits for ever; what it printed went to the sink; the socket's directory is gone."""

    async def scenario() -> tuple[str, bytes, bool]:
        output = Output()
        with GuestSocket() as door:
            container = await start("import sys; sys.exit('no such image')", output)
            with pytest.raises(BackendError, match="ended before its guest came, with code 1") as caught:
                await container.connect(door, b"")
        return str(caught.value), output.data[2], os.path.exists(os.path.dirname(door.path))

    words, said, left = asyncio.run(scenario())
    assert "c-1" in words
    assert (said, left) == (b"no such image\n", False)


def test_a_cancelled_connect_leaves_no_process() -> None:
    """The command is ended and its end awaited."""

    async def scenario() -> str:
        with GuestSocket() as door:
            container = await start("import time; time.sleep(600)", Output())
            connecting = asyncio.create_task(container.connect(door, b""))
            await asyncio.sleep(0)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await connecting
        return (await container.wait()).cause

    assert asyncio.run(scenario()) == "killed"


def test_exec_is_refused_by_name() -> None:
    """Unless a launcher derives from it and can."""

    async def scenario() -> None:
        container = await start("pass", Output())
        await container.wait()
        await container.exec(["true"])

    with pytest.raises(CapabilityNotSupported, match="'exec'"):
        asyncio.run(scenario())


def test_a_command_gives_what_it_prints_or_fails_with_it() -> None:
    """Input reaches it; a missing command and a failing one say what to know."""
    assert asyncio.run(run_command(["cat"], b"through")) == "through"
    with pytest.raises(BackendError, match="sh ended with 3:\nout\nerr"):
        asyncio.run(run_command(["sh", "-c", "echo out; echo err >&2; exit 3"]))
    with pytest.raises(BackendError, match="cannot run no-such-command: No such file"):
        asyncio.run(run_command(["no-such-command"]))


def test_a_packed_mount_is_an_archive_of_a_file_or_a_directory(tmp_path: Path) -> None:
    """Under the name that the launcher chose."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("x")
    with tarfile.open(fileobj=io.BytesIO(packed(str(tmp_path / "folder"), "it"))) as archive:
        assert archive.getnames() == ["it", "it/file"]
    with tarfile.open(fileobj=io.BytesIO(packed(str(tmp_path / "folder" / "file"), "it"))) as archive:
        assert archive.getnames() == ["it"]


def test_a_command_that_waits_for_the_end_of_its_stream_is_told_of_it() -> None:
    """ssh forwards the stream, and stays while our end is open; whoever holds that end waits for the exit."""
    script = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
connection.shutdown(socket.SHUT_WR)
while connection.recv(4096): pass
sys.exit(7)
"""

    async def scenario() -> int | None:
        with GuestSocket() as door:
            process = await start_command([sys.executable, "-c", script, door.path])
            container = CommandContainer("c-1", process, Output())
            await container.connect(door, b"boot")
        ended = await asyncio.wait_for(container.wait(), 60)
        container.stream.close()
        return ended.code

    assert asyncio.run(scenario()) == 7


def test_a_cancelled_connect_lets_go_of_a_guest_that_has_come() -> None:
    """A command that waits until its connection is closed, rather than for a signal, ends."""
    script = """
import socket, sys
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
print("connected", flush=True)
while connection.recv(4096): pass
"""

    async def scenario() -> int | None:
        output = Output()
        with GuestSocket() as door:
            process = await start_command([sys.executable, "-c", script, door.path])
            container = CommandContainer("c-1", process, output, end=lambda: None)
            while not output.data[1]:
                await asyncio.sleep(0.01)
            connecting = asyncio.create_task(container.connect(door, b"boot"))
            await asyncio.sleep(0)
            connecting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(connecting, 60)
        return (await container.wait()).code

    assert asyncio.run(scenario()) == 0
