"""Sandboxes on every backend that is here: exec, streams, ends, names (sandbox.*)."""

from __future__ import annotations

import asyncio
import pickle
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import intermodal
from intermodal.definitions.sandbox_files import FileWatchEventType
from intermodal.definitions.sandbox_streams import StreamReader
from intermodal.exception import (
    AlreadyExistsError,
    CapabilityNotSupported,
    InvalidError,
    NotFoundError,
    SandboxTerminatedError,
    SandboxTimeoutError,
)

Sandbox = intermodal.Sandbox
app = intermodal.App("sandboxes")


@pytest.fixture(scope="module")
def running(backend: str) -> Iterator[intermodal.App]:
    """The app, on one backend after another."""
    with app.run(backend=backend):
        yield app


@pytest.fixture(scope="module")
def sandbox(running: intermodal.App) -> Sandbox:
    """One that tests may share."""
    return Sandbox.create(app=running, env={"FROM": "sandbox"}, timeout=3600)


def test_a_process_has_streams_and_an_exit_code(sandbox: Sandbox) -> None:
    """Both outputs apart, input to its end, variables and working directory."""
    script = "cat; pwd; echo $FROM $MORE; echo err >&2; exit 3"
    process = sandbox.exec("sh", "-c", script, env={"MORE": "exec"}, workdir="/usr")
    process.stdin.write("in\n")
    process.stdin.write_eof()
    process.stdin.drain()
    assert process.stdout.read() == "in\n/usr\nsandbox exec\n"
    assert process.stderr.read() == "err\n"
    assert process.wait() == process.returncode == process.poll() == 3


def test_bytes_are_exact(sandbox: Sandbox) -> None:
    """With `text=False`, there and back."""
    data = bytes(range(256)) * 1000
    process = sandbox.exec("cat", text=False)
    process.stdin.write(data)
    process.stdin.write_eof()
    process.stdin.drain()
    assert process.stdout.read() == data


def test_lines_come_as_they_are_written(sandbox: Sandbox) -> None:
    """`bufsize=1`: the first line is there while the process waits for an answer to it."""
    process = sandbox.exec("sh", "-c", "printf 'one\\ntw'; read answer; echo o $answer", bufsize=1)
    lines = iter(process.stdout)
    assert next(lines) == "one\n"
    process.stdin.write("three\n")
    process.stdin.drain()
    assert list(lines) == ["two three\n"]


@pytest.mark.parametrize(
    ("words", "options", "code"),
    [
        (("sh", "-c", "kill -9 $$"), {}, 137),
        (("sh", "-c", "kill -TERM $$"), {}, 143),
        (("no-such-program",), {}, 127),
        (("sleep", "1000"), {"timeout": 0.1}, -1),
        (("sh", "-c", "sleep 1000 & wait"), {"timeout": 0.1}, -1),
    ],
)
def test_exit_codes(sandbox: Sandbox, words: tuple[str, ...], options: dict[str, Any], code: int) -> None:
    """Of signals, of what is not there, of what takes too long."""
    process = sandbox.exec(*words, **options)
    assert process.wait() == code
    assert process.stdout.read() == ""


def test_ten_at_once_do_not_mix_or_block_each_other(sandbox: Sandbox) -> None:
    """One whose output nobody reads holds up none of the others."""
    flood = sandbox.exec("sh", "-c", "yes flood | head -c 50000000", text=False)

    def one(number: int) -> bool:
        process = sandbox.exec("sh", "-c", f"yes {number} | head -n 100000")
        return process.stdout.read() == f"{number}\n" * 100_000

    with ThreadPoolExecutor(10) as threads:
        assert all(threads.map(one, range(10)))
    assert len(flood.stdout.read()) == 50_000_000


def test_who_waits_before_reading_gets_all(sandbox: Sandbox) -> None:
    """Output beyond what is held back for a reader is kept while somebody waits for the end."""
    process = sandbox.exec("head", "-c", "20000000", "/dev/zero", text=False)
    assert process.wait() == 0
    assert process.stdout.read() == bytes(20_000_000)


def peak() -> int:
    """The most memory that this process has had since `forget_peak`, in MiB."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) >> 10


def forget_peak() -> int:
    """From now on; what it has now."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


GIBIBYTE = """
import os
told = os.open("/tmp/told", os.O_WRONLY | os.O_CREAT)
for mebibyte in range(1024):
    os.pwrite(told, b"%4d" % mebibyte, 0)
    os.write(1, bytes(1 << 20))
"""


def test_a_gibibyte_with_a_slow_reader_stays_bounded(sandbox: Sandbox) -> None:
    """The process inside is never far ahead of who reads, and little of it is kept here."""
    process = sandbox.exec("python3", "-c", GIBIBYTE, text=False)
    before, read, ahead = forget_peak(), 0, []
    for data in process.stdout:
        read += len(data)
        if read >> 27 > len(ahead):
            ahead.append(int(sandbox.exec("cat", "/tmp/told").stdout.read()) - (read >> 20))
    assert (read, len(ahead), process.wait()) == (1 << 30, 8, 0)
    assert max(ahead) < 16
    assert peak() - before < 96


def test_a_terminal(sandbox: Sandbox) -> None:
    """With `pty=True` the process has one."""
    process = sandbox.exec("sh", "-c", "test -t 0 && test -t 1 && stty size && exit 5", pty=True)
    assert process.stdout.read() == "24 80\r\n"
    assert process.wait() == 5


def test_a_sandbox_ends_with_its_program(running: intermodal.App) -> None:
    """A plain exit code is no error; output is there afterwards, also for a handle that was pickled."""
    sandbox = Sandbox.create("sh", "-c", "read x; echo $x; echo err >&2; exit 7", app=running)
    assert sandbox.poll() is None
    sandbox.stdin.write("hello\n")
    sandbox.stdin.drain()
    sandbox.wait()
    assert sandbox.returncode == sandbox.poll() == 7
    again = pickle.loads(pickle.dumps(sandbox))
    assert again.stdout.read() == sandbox.stdout.read() == "hello\n"
    assert again.stderr.read() == "err\n"
    with pytest.raises(NotFoundError, match="has ended"):
        again.exec("true")


def test_terminate_ends_everything_in_it_and_may_be_said_again(running: intermodal.App) -> None:
    """A daemon that ignores signals and has left its session, too; what processes wrote stays readable."""
    sandbox = Sandbox.create(app=running)
    script = "(trap '' TERM HUP; setsid sleep 1000 & echo daemon; wait) & echo out; wait"
    process = sandbox.exec("sh", "-c", script, bufsize=1)
    assert {next(process.stdout), next(process.stdout)} == {"daemon\n", "out\n"}
    assert sandbox.terminate(wait=True) == sandbox.terminate(wait=True) == 137
    assert process.wait() == 137
    with pytest.raises(SandboxTerminatedError):
        sandbox.wait()
    sandbox.wait(raise_on_termination=False)
    assert sandbox.returncode == 137
    assert {*pickle.loads(pickle.dumps(process)).stdout} == {"daemon\n", "out\n"}


def test_output_of_a_process_that_takes_too_long_ends_with_it(sandbox: Sandbox) -> None:
    """Although something that it has started goes on, and holds the stream open."""
    process = sandbox.exec("sh", "-c", "echo begun; setsid sleep 1000 & sleep 1000", timeout=1)
    assert process.stdout.read() == "begun\n"
    assert process.wait() == -1


def test_a_sandbox_that_lasts_too_long_is_ended(running: intermodal.App) -> None:
    """Exit code 124, which `wait` raises."""
    sandbox = Sandbox.create("sleep", "1000", app=running, timeout=0.5)
    with pytest.raises(SandboxTimeoutError):
        sandbox.wait()
    assert sandbox.returncode == 124


def test_names_tags_and_ids(running: intermodal.App, sandbox: Sandbox) -> None:
    """A name is taken while its sandbox lasts; lists have what runs and has all of the tags."""
    named = Sandbox.create(app=running, name="only", tags={"a": "1", "b": "2"})
    assert Sandbox.from_name("sandboxes", "only").object_id == named.object_id
    assert Sandbox.from_id(named.object_id).get_tags() == {"a": "1", "b": "2"}
    with pytest.raises(AlreadyExistsError, match="'only'"):
        Sandbox.create(app=running, name="only")
    listed = [each.object_id for each in Sandbox.list(app_id=running.app_id)]
    assert listed.index(named.object_id) < listed.index(sandbox.object_id)
    assert [each.object_id for each in Sandbox.list(tags={"a": "1"})] == [named.object_id]
    named.set_tags({"c": "3"})
    assert list(Sandbox.list(tags={"a": "1"})) == []
    named.terminate()
    assert named.object_id not in [each.object_id for each in Sandbox.list()]
    with pytest.raises(NotFoundError):
        Sandbox.from_name("sandboxes", "only")
    with pytest.raises(NotFoundError):
        Sandbox.from_id("sb-0000000000-1")
    Sandbox.create(app=running, name="only").terminate()


def test_async_twins(running: intermodal.App) -> None:
    """The same API at `.aio`, several processes on one loop."""

    async def work() -> list[str]:
        sandbox = await Sandbox.create.aio(app=running)
        processes = [await sandbox.exec.aio("sh", "-c", f"read x; echo {n} $x", bufsize=1) for n in range(3)]
        for process in processes:
            process.stdin.write("yes\n")
            await process.stdin.drain.aio()
        lines = [line for process in processes async for line in process.stdout]
        await sandbox.terminate.aio()
        return lines

    assert asyncio.run(work()) == ["0 yes\n", "1 yes\n", "2 yes\n"]


def test_a_network_of_its_own_reaches_nothing(running: intermodal.App) -> None:
    """`block_network=True`: no address but the loopback's."""
    sandbox = Sandbox.create(app=running, block_network=True)
    process = sandbox.exec("python3", "-c", "import socket; socket.create_connection(('192.0.2.1', 80), 5)")
    assert process.wait() == 1
    assert "unreachable" in process.stderr.read()
    sandbox.terminate()


def test_an_image_that_does_not_build_is_an_error_of_create(running: intermodal.App) -> None:
    """With the step's output."""
    image = intermodal.Image.debian_slim().run_commands("echo told; exit 9")
    with pytest.raises(intermodal.exception.ImageBuildError, match="told"):
        Sandbox.create(app=running, image=image)


def test_files_of_the_image_are_there(running: intermodal.App, tmp_path: Any) -> None:
    """Those that a build has, and those that only the container sees."""
    (tmp_path / "seen.txt").write_text("seen")
    (tmp_path / "built.txt").write_text("built")
    image = intermodal.Image.debian_slim().add_local_file(tmp_path / "built.txt", "/root/built.txt", copy=True)
    image = image.add_local_file(tmp_path / "seen.txt", "/root/seen.txt")
    sandbox = Sandbox.create("cat", "built.txt", "seen.txt", app=running, image=image)
    assert sandbox.stdout.read() == "builtseen"


def test_files(sandbox: Sandbox) -> None:
    """Written, read, listed and removed from outside; processes inside see the same."""
    sandbox.mkdir("/tmp/made/below", parents=True)
    with sandbox.open("/tmp/made/text", "w") as file:
        file.write("one\nzwei \N{GREEK SMALL LETTER BETA}\n")
    assert sandbox.exec("cat", "/tmp/made/text").stdout.read() == "one\nzwei \N{GREEK SMALL LETTER BETA}\n"
    with sandbox.open("/tmp/made/text") as file:
        assert file.readline() == "one\n"
        file.seek(4)
        assert file.readlines() == ["zwei \N{GREEK SMALL LETTER BETA}\n"]
    data = bytes(range(256)) * 40_000
    with sandbox.open("/tmp/made/data", "wb") as file:
        file.write(data)
    with sandbox.open("/tmp/made/data", "rb") as file:
        assert file.read(300) == data[:300]
        assert file.read() == data[300:]
    assert sandbox.ls("/tmp/made") == ["below", "data", "text"]
    sandbox.rm("/tmp/made/data")
    with pytest.raises(IsADirectoryError, match="recursive"):
        sandbox.rm("/tmp/made")
    sandbox.rm("/tmp/made", recursive=True)
    for wrong in (lambda: sandbox.ls("/tmp/made"), lambda: sandbox.open("/tmp/made/text")):
        with pytest.raises(FileNotFoundError, match="/tmp/made"):
            wrong()
    with pytest.raises(FileExistsError):
        sandbox.mkdir("/tmp")


def test_a_snapshot_is_an_image(running: intermodal.App) -> None:
    """Another sandbox starts from it: what was made is there, what was removed is not, and the first one goes on."""
    image = intermodal.Image.debian_slim().run_commands("echo brought > /root/brought").env({"FROM": "image"})
    first = Sandbox.create(app=running, image=image)
    made = "echo one > /root/made; mkdir /root/x; echo two > /root/x/y; rm /root/brought"
    assert first.exec("sh", "-c", made).wait() == 0
    kept = first.snapshot_filesystem()
    first.exec("sh", "-c", "echo later > /root/made").wait()
    script = "cat made x/y; test -e brought && echo there; echo $FROM $MORE; echo changed > x/y"
    second = Sandbox.create("sh", "-c", script, app=running, image=kept.env({"MORE": "more"}))
    assert second.stdout.read() == "one\ntwo\nimage more\n"
    third = Sandbox.create("cat", "/root/x/y", app=running, image=kept)
    assert third.stdout.read() == "two\n"
    assert first.exec("cat", "/root/made").stdout.read() == "later\n"
    with pytest.raises(CapabilityNotSupported, match="snapshot-steps"):
        Sandbox.create(app=running, image=kept.run_commands("true"))
    first.terminate()


def test_changes_of_files(sandbox: Sandbox) -> None:
    """`watch` tells of them as they happen, below new directories too."""
    sandbox.mkdir("/tmp/watched")
    changes = sandbox.watch("/tmp/watched", filter=[FileWatchEventType.Create], recursive=True, timeout=30)
    process = sandbox.exec(
        "sh", "-c", "until test -e /tmp/stop; do mkdir -p /tmp/watched/a; rmdir /tmp/watched/a; done"
    )
    event = next(changes)
    assert (event.type, event.paths) == (FileWatchEventType.Create, ["/tmp/watched/a"])
    changes.close()
    sandbox.exec("touch", "/tmp/stop").wait()
    assert process.wait() == 0


SERVER = """
import socket
with socket.create_server(("127.0.0.1", 8123)) as server:
    print("listening", flush=True)
    while True:
        client, _ = server.accept()
        with client, client.makefile("rb") as file:
            client.sendall(file.read().upper())
"""


def test_tunnels_lead_inside_also_without_a_network(running: intermodal.App) -> None:
    """Bytes both ways, to the end of each; several at once; a port where nothing listens hangs up."""
    sandbox = Sandbox.create(
        "python3", "-c", SERVER, app=running, unencrypted_ports=[8123], encrypted_ports=[8124], block_network=True
    )
    tunnels = sandbox.tunnels()
    assert tunnels[8124].url.startswith("http://127.0.0.1:")
    with pytest.raises(CapabilityNotSupported, match=r"tunnel\.tls"):
        _ = tunnels[8124].tls_socket
    assert next(iter(StreamReader[str](sandbox.object_id, "", 1, by_line=True))) == "listening\n"

    def ask(number: int) -> bytes:
        with socket.create_connection(tunnels[8123].tcp_socket, 60) as client, client.makefile("rb") as file:
            client.sendall(f"number {number}".encode() * 20_000)
            client.shutdown(socket.SHUT_WR)
            return file.read()

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(ask, range(3))) == [f"NUMBER {n}".encode() * 20_000 for n in range(3)]
    with socket.create_connection((tunnels[8124].host, tunnels[8124].port), 60) as client:
        assert client.recv(1) == b""
    sandbox.terminate()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(tunnels[8123].tcp_socket, 60)


def test_inside_a_function(backend: str) -> None:
    """A function makes sandboxes, and a handle of one may be an argument."""
    inner = intermodal.App("inner")

    def drive(given: Any) -> tuple[str, str]:
        made = intermodal.Sandbox.create("echo", "made", name="made")
        made.wait()
        return given.exec("cat", "/etc/hostname").stdout.read(), made.stdout.read()

    function = inner.function(serialized=True)(drive)
    with inner.run(backend=backend):
        outer = Sandbox.create("sh", "-c", "echo there > /tmp/mark; sleep 1000", app=inner)
        _, made = function.remote(outer)
        assert made == "made\n"
        outer.terminate()


def test_wrong_arguments_are_refused(running: intermodal.App, sandbox: Sandbox) -> None:
    """Before anything starts, naming what is wrong."""
    for options in ({"workdir": "relative"}, {"timeout": -1}, {"tags": {"a": 1}}, {"unencrypted_ports": [0]}, {"x": 1}):
        with pytest.raises(InvalidError, match=next(iter(options)).removeprefix("unencrypted_").rstrip("s")):
            Sandbox.create(app=running, **options)
    with pytest.raises(InvalidError, match=r"cidr_allowlist has '10\.0\.0\.1/8'"):
        Sandbox.create(app=running, cidr_allowlist=["10.0.0.1/8"])
    with pytest.raises(InvalidError, match="needs a program"):
        sandbox.exec()
    with pytest.raises(InvalidError, match="does not run"):
        Sandbox.create(app=intermodal.App("another"))


def test_a_waiting_reader_hears_of_the_end(running: intermodal.App) -> None:
    """Whoever reads when the sandbox is terminated gets the rest."""
    sandbox = Sandbox.create(app=running)
    process = sandbox.exec("sh", "-c", "echo begun; sleep 1000", bufsize=1)
    assert next(process.stdout) == "begun\n"
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(process.stdout.read()))
    reader.start()
    sandbox.terminate()
    reader.join(60)
    assert got == [""]
