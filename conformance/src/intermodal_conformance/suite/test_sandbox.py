"""sandbox.*"""

from __future__ import annotations

import itertools
import pickle
import socket
import socketserver
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from intermodal import Image, Sandbox
from intermodal.exception import (
    AlreadyExistsError,
    CapabilityNotSupported,
    NotFoundError,
    SandboxTerminatedError,
    SandboxTimeoutError,
)
from intermodal_conformance.apps import sandboxes
from intermodal_conformance.apps.common import app
from intermodal_conformance.marks import refusal, requirement
from intermodal_conformance.roles import Roles, scenario
from intermodal_conformance.target import Target

#: Longer than any test.
LONG = "100000"
UPPER = """
import socket
with socket.create_server(("127.0.0.1", 8123)) as server:
    print("listening", flush=True)
    client, _ = server.accept()
    with client, client.makefile("rb") as file:
        client.sendall(file.read().upper())
"""


#: Connects, for somewhat longer than the rules of any network take to refuse that.
REACH = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), 10) as client:
    print(client.recv(100).decode())
"""
FORGE = "import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)"


def own_address() -> str:
    """One of this machine that is not its loopback's: that by which it would send to others. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.connect(("203.0.113.1", 9))
        return str(asking.getsockname()[0])


@contextmanager
def answering() -> Iterator[str]:
    """A port of this machine that says "reached" to whoever connects."""

    class Answer(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"reached")

    with socketserver.ThreadingTCPServer(("0.0.0.0", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield str(server.server_address[1])
        server.shutdown()


def told_through(box: Sandbox, port: int) -> bytes:
    """What `UPPER` makes of some words that come through a tunnel."""
    with socket.create_connection(box.tunnels()[port].tcp_socket) as client, client.makefile("rb") as file:
        client.sendall(b"words")
        client.shutdown(socket.SHUT_WR)
        return file.read()


@contextmanager
def sandbox(*words: str, **options: Any) -> Iterator[Sandbox]:
    """One for a test, which may end it."""
    made = Sandbox.create(*words, app=app, **options)
    try:
        yield made
    finally:
        made.terminate()


def kept(box: Sandbox) -> Image | None:
    """Its files as an image; None where the backend refuses that, by name."""
    try:
        return box.snapshot_filesystem()
    except CapabilityNotSupported as refused:
        if refused.capability == "sandbox.snapshot":
            return None
        raise


@requirement("sandbox.exec")
def test_a_process_has_its_streams_and_its_exit_code(target: Target) -> None:
    """Every byte, both ways; both outputs apart; variables and working directory."""
    data = bytes(range(256)) * 1000
    with sandbox(env={"A": "1"}) as box:
        process = box.exec(
            "sh", "-c", 'cat; printf %s "$A$B"; pwd >&2; exit 9', text=False, env={"B": "2"}, workdir="/usr"
        )
        process.stdin.write(data)
        process.stdin.write_eof()
        process.stdin.drain()
        assert process.stdout.read() == data + b"12"
        assert process.stderr.read() == b"/usr\n"
        assert process.wait() == process.poll() == process.returncode == 9


@requirement("sandbox.exec")
def test_lines_come_while_the_process_goes_on(target: Target) -> None:
    """The first one before the process can write the second."""
    with sandbox() as box:
        process = box.exec("sh", "-c", "echo one; read x; echo $x", bufsize=1)
        lines = iter(process.stdout)
        assert next(lines) == "one\n"
        assert process.poll() is None
        process.stdin.write("two\n")
        process.stdin.drain()
        assert list(lines) == ["two\n"]


@requirement("sandbox.exec")
def test_exit_codes_tell_of_signals_and_of_time(target: Target) -> None:
    """128+n of signal n, 127 of what is not there, -1 of what took too long."""
    with sandbox() as box:
        assert box.exec("sh", "-c", "kill -9 $$").wait() == 137
        assert box.exec("sh", "-c", "kill -15 $$").wait() == 143
        assert box.exec("there-is-no-such-program").wait() == 127
        assert box.exec("sleep", LONG, timeout=0.2).wait() == -1


@requirement("sandbox.exec")
def test_processes_do_not_mix_or_hold_each_other_up(target: Target) -> None:
    """Several at once, beside one whose output nobody reads."""
    with sandbox() as box:
        unread = box.exec("sh", "-c", "yes | head -c 30000000", text=False)

        def one(number: int) -> bool:
            process = box.exec("sh", "-c", f"yes {number} | head -n 20000")
            return bool(process.stdout.read() == f"{number}\n" * 20_000)

        with ThreadPoolExecutor(5) as threads:
            assert all(threads.map(one, range(5)))
        assert len(unread.stdout.read()) == 30_000_000


@requirement("sandbox.exec")
def test_a_process_may_have_a_terminal(target: Target) -> None:
    """With `pty=True`."""
    with sandbox() as box:
        assert box.exec("sh", "-c", "test -t 0 && test -t 1", pty=True).wait() == 0
        assert box.exec("sh", "-c", "test -t 0 || test -t 1").wait() == 1


@requirement("sandbox.end")
def test_a_sandbox_ends_with_its_program(target: Target) -> None:
    """An exit code that is not 0 is no error; what the program wrote is there afterwards."""
    with sandbox("sh", "-c", "echo out; echo err >&2; exit 7") as box:
        box.wait()
        assert box.returncode == box.poll() == 7
        assert (box.stdout.read(), box.stderr.read()) == ("out\n", "err\n")
        with pytest.raises(NotFoundError):
            box.exec("true")


@requirement("sandbox.end")
def test_terminate_ends_everything_and_may_be_said_again(target: Target) -> None:
    """What ignores signals and has left its session, too."""
    with sandbox() as box:
        process = box.exec("sh", "-c", f"trap '' TERM HUP; setsid sleep {LONG} & echo ready; wait", bufsize=1)
        assert next(iter(process.stdout)) == "ready\n"
        assert box.terminate(wait=True) == box.terminate(wait=True) == 137
        with pytest.raises(SandboxTerminatedError):
            box.wait()
        assert box.returncode == 137
        assert process.wait() == 137
        assert pickle.loads(pickle.dumps(process)).stdout.read() == "ready\n"


@requirement("sandbox.end")
def test_a_sandbox_lasts_no_longer_than_its_timeout(target: Target) -> None:
    """Exit code 124."""
    with sandbox("sleep", LONG, timeout=0.5) as box:
        with pytest.raises(SandboxTimeoutError):
            box.wait()
        assert box.returncode == 124


@requirement("sandbox.end")
def test_what_comes_while_it_ends_is_told_why(target: Target) -> None:
    """Until its timeout everything works; from then on nothing does, and each error says what has ended it."""

    def program(box: Sandbox) -> bool:
        return box.exec("true").wait() in (0, 137)

    def files(box: Sandbox) -> bool:
        return "tmp" in box.ls("/")

    for work in (program, files):
        with sandbox(timeout=2) as box, pytest.raises(NotFoundError, match="timeout, exit code 124"):
            assert all(work(box) for _ in itertools.count())


@requirement("sandbox.end")
def test_a_program_that_kills_all_that_it_can_ends_no_sandbox(target: Target) -> None:
    """Nor does one that tells the first process to end; what is started afterwards runs, and files are seen."""
    with sandbox() as box:
        other = box.exec("sleep", LONG)
        box.mkdir("/tmp/before")
        killer = box.exec("sh", "-c", "kill -9 -1; kill -TERM 1; kill -INT 1; echo on")
        assert (killer.stdout.read(), killer.wait(), other.wait()) == ("on\n", 0, 137)
        assert box.exec("echo", "after").stdout.read() == "after\n"
        assert "before" in box.ls("/tmp")
        assert box.poll() is None


@requirement("sandbox.files")
def test_files_are_the_same_inside_and_outside(target: Target) -> None:
    """Written and read from both sides; listed, removed; errors are the operating system's."""
    data = bytes(range(256)) * 10_000
    with sandbox() as box:
        box.mkdir("/tmp/new/below", parents=True)
        with box.open("/tmp/new/data", "wb") as file:
            file.write(data)
        process = box.exec("cat", "/tmp/new/data", text=False)
        assert process.stdout.read() == data
        box.exec("sh", "-c", "printf 'one\\ntwo' > /tmp/new/text").wait()
        with box.open("/tmp/new/text") as file:
            assert file.readlines() == ["one\n", "two"]
        assert box.ls("/tmp/new") == ["below", "data", "text"]
        box.rm("/tmp/new/data")
        assert box.exec("test", "-e", "/tmp/new/data").wait() == 1
        box.rm("/tmp/new", recursive=True)
        with pytest.raises(FileNotFoundError):
            box.ls("/tmp/new")


@requirement("sandbox.files")
def test_a_snapshot_is_an_image(target: Target) -> None:
    """Another sandbox starts from what the first one's files were; or it is refused by name."""
    with sandbox() as box:
        assert box.exec("sh", "-c", "mkdir /root/x; echo one > /root/x/y").wait() == 0
        gone = box.exec("rm", "/usr/bin/yes").wait() == 0  # not everybody's root may remove what the image brought
        image = kept(box)
        if image is None:
            return
        box.exec("rm", "/root/x/y").wait()
        with sandbox("sh", "-c", "cat /root/x/y; test -e /usr/bin/yes || echo gone", image=image) as other:
            assert other.stdout.read() == ("one\ngone\n" if gone else "one\n")


@requirement("sandbox.files")
def test_changes_are_told(target: Target) -> None:
    """By kind and path, as they happen."""
    with sandbox() as box:
        box.mkdir("/tmp/seen")
        changes = box.watch("/tmp/seen", timeout=target.profile.test_deadline_s)
        box.exec("sh", "-c", "until test -e /tmp/stop; do touch /tmp/seen/a; rm /tmp/seen/a; done")
        told = list(itertools.islice(changes, 20))
        assert {"Create", "Remove"} <= {each.type.name for each in told}
        assert all(each.paths == ["/tmp/seen/a"] for each in told)


@requirement("sandbox.net")
def test_a_tunnel_leads_inside(target: Target) -> None:
    """Bytes both ways, to the end of each; nobody listens after the end."""
    with sandbox("python3", "-c", UPPER, unencrypted_ports=[8123]) as box:
        assert next(iter(box.stdout)) == "listening\n"
        address = box.tunnels()[8123].tcp_socket
        with socket.create_connection(address) as client, client.makefile("rb") as file:
            client.sendall(b"words" * 10_000)
            client.shutdown(socket.SHUT_WR)
            assert file.read() == b"WORDS" * 10_000
        box.terminate()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(address)


@requirement("sandbox.net")
def test_without_a_network_nothing_is_reached(target: Target) -> None:
    """Not even this machine; a backend that cannot block it refuses."""
    if "network.block" not in target.supported:
        with pytest.raises(CapabilityNotSupported, match=r"network\.block"):
            Sandbox.create(app=app, block_network=True)
        return
    with socket.create_server(("0.0.0.0", 0)) as server, sandbox(block_network=True) as box:
        connect = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)"
        port = str(server.getsockname()[1])
        for host in ("127.0.0.1", "192.0.2.1"):
            assert box.exec("python3", "-c", connect, host, port).wait() == 1


@requirement("sandbox.net")
def test_only_the_networks_of_a_list_are_reached(target: Target) -> None:
    """The same listener is reached where the list has its address, and else not; no list is evaded with packets of a
    program's own making. A backend that cannot do it refuses."""
    if "network.cidr_allowlist" not in target.supported:
        with pytest.raises(CapabilityNotSupported, match=r"network\.cidr_allowlist"):
            Sandbox.create(app=app, cidr_allowlist=["192.0.2.0/24"])
        return
    here = own_address()
    with answering() as port:
        for allowed, code in (([f"{here}/32"], 0), (["198.51.100.0/24"], 1), ([], 1)):
            with sandbox(cidr_allowlist=allowed, unencrypted_ports=[8123]) as box:
                reached = box.exec("python3", "-c", REACH, here, port)
                assert (reached.wait(), reached.stdout.read()) == (code, "reached\n" if code == 0 else "")
                for elsewhere in ("203.0.113.1", "2001:db8::1"):
                    assert box.exec("python3", "-c", REACH, elsewhere, port).wait() == 1
                if allowed:
                    assert box.exec("python3", "-c", FORGE).wait() == 1
                assert next(iter(box.exec("python3", "-c", UPPER, bufsize=1).stdout)) == "listening\n"
                assert told_through(box, 8123) == b"WORDS"


@requirement("sandbox.names")
def test_sandboxes_are_found_by_name_tags_and_id(target: Target) -> None:
    """A name belongs to one that runs, and is free again afterwards."""
    name = f"n{uuid.uuid4().hex}"
    with sandbox(name=name, tags={"t": name}) as box:
        assert Sandbox.from_name(app.name or "", name).object_id == box.object_id
        assert Sandbox.from_id(box.object_id).get_tags() == {"t": name}
        assert [each.object_id for each in Sandbox.list(tags={"t": name})] == [box.object_id]
        with pytest.raises(AlreadyExistsError):
            Sandbox.create(app=app, name=name)
        box.set_tags({})
        assert list(Sandbox.list(tags={"t": name})) == []
    with pytest.raises(NotFoundError):
        Sandbox.from_name(app.name or "", name)
    with sandbox(name=name):
        pass


@requirement("sandbox.names")
def test_handles_travel(target: Target) -> None:
    """To a function and back."""
    with sandbox() as box:
        assert sandboxes.ask.remote(box, "word") == "word\n"
    name = f"n{uuid.uuid4().hex}"
    made = Sandbox.from_id(sandboxes.make.remote(name))
    try:
        assert Sandbox.from_name(app.name or "", name).object_id == made.object_id
        assert made.exec("echo", "here").stdout.read() == "here\n"
    finally:
        made.terminate()


@pytest.mark.parametrize(
    "named",
    [
        pytest.param(name, id=name, marks=refusal(name, capability="exec"))
        for name in ("sandbox.exec", "sandbox.end", "sandbox.files", "sandbox.net", "sandbox.names")
    ],
)
def test_a_sandbox_is_refused(target: Target, named: str) -> None:
    """By name, when one is made, and by the launcher."""
    with pytest.raises(CapabilityNotSupported) as caught:
        Sandbox.create(app=app)
    assert caught.value.capability == "exec"

    async def story(roles: Roles) -> None:
        with pytest.raises(CapabilityNotSupported):
            await roles.bare()

    scenario(story)
