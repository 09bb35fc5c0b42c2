"""Sandboxes of images without a Python: what runs in them is brought, on engines; the local backend says why not."""

from __future__ import annotations

import io
import socket
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import intermodal
from engines_here import engine_called
from intermodal.exception import CapabilityNotSupported, SandboxTerminatedError
from small_images import commands_archive

app = intermodal.App("sandbox-images")

#: What is in the image, and nothing besides but the libraries of these.
COMMANDS = ("sh", "cat", "head", "sleep", "yes", "perl")
#: Perl without its modules, which are not there.
SHOUT = (
    "socket(S, 2, 1, 0) and bind(S, pack('SnC4x8', 2, 8124, 127, 0, 0, 1)) and listen(S, 1) or die $!;"
    'syswrite STDOUT, "up\\n"; accept(C, S); $line = <C>; syswrite C, uc($line); close C'
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of an image that has a shell and no Python."""
    folder = tmp_path_factory.mktemp("small")
    with tarfile.open(fileobj=io.BytesIO(commands_archive(COMMANDS))) as archive:
        if hasattr(tarfile, "fully_trusted_filter"):  # Debian 12's own Python has no filters yet
            archive.extraction_filter = tarfile.fully_trusted_filter
        archive.extractall(folder)
    return folder


@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.engine(name)) for name in ("docker", "podman")]
)
def sandbox(request: pytest.FixtureRequest, tree: Path) -> Iterator[intermodal.Sandbox]:
    """One of that image."""
    engine_called(request.param).close()
    image = intermodal.Image.from_scratch().add_local_dir(tree, "/", copy=True)
    with app.run(backend=request.param):
        yield intermodal.Sandbox.create(app=app, image=image, timeout=3600, workdir="/", unencrypted_ports=[8124])


def test_programs_have_streams_and_exit_codes(sandbox: intermodal.Sandbox) -> None:
    """Bytes both ways, signals, what is not there, what takes too long, a terminal. There is no Python."""
    process = sandbox.exec("sh", "-c", "cat; echo err >&2; exit 3", text=False, env={"PYTHONHOME": "/nowhere"})
    data = bytes(range(256)) * 1000
    process.stdin.write(data)
    process.stdin.write_eof()
    process.stdin.drain()
    assert (process.stdout.read(), process.stderr.read(), process.wait()) == (data, b"err\n", 3)
    assert sandbox.exec("sh", "-c", "kill -9 $$").wait() == 137
    assert sandbox.exec("python3").wait() == 127
    assert sandbox.exec("sleep", "1000", timeout=0.1).wait() == -1
    assert sandbox.exec("sh", "-c", "test -t 1 && exit 5", pty=True).wait() == 5


def test_files_are_seen(sandbox: intermodal.Sandbox) -> None:
    """Written from outside and read inside, and the other way round."""
    sandbox.mkdir("/made/deep", parents=True)
    with sandbox.open("/made/deep/file", "w") as file:
        file.write("hello")
    assert sandbox.exec("cat", "/made/deep/file").stdout.read() == "hello"
    assert sandbox.exec("sh", "-c", "echo more >> /made/deep/file").wait() == 0
    with sandbox.open("/made/deep/file") as file:
        assert file.read() == "hellomore\n"
    assert sandbox.ls("/made") == ["deep"]
    with pytest.raises(FileNotFoundError):
        sandbox.open("/nothing")


def test_a_tunnel_leads_in(sandbox: intermodal.Sandbox) -> None:
    """To what listens inside."""
    server = sandbox.exec("perl", "-e", SHOUT, bufsize=1)
    assert next(server.stdout) == "up\n"
    with socket.create_connection(sandbox.tunnels()[8124].tcp_socket) as client:
        client.sendall(b"shout\n")
        with client.makefile("rb") as answer:
            assert answer.read() == b"SHOUT\n"


def test_another_starts_from_its_snapshot_and_ends_with_its_program(sandbox: intermodal.Sandbox) -> None:
    """What it wrote is there; `terminate` ends all."""
    assert sandbox.exec("sh", "-c", "echo kept > /kept").wait() == 0
    image = sandbox.snapshot_filesystem()
    other = intermodal.Sandbox.create("sh", "-c", "cat /kept; exit 4", app=app, image=image, workdir="/")
    other.wait()
    assert (other.stdout.read(), other.returncode) == ("kept\n", 4)
    third = intermodal.Sandbox.create("sleep", "1000", app=app, image=image, workdir="/")
    third.terminate()
    with pytest.raises(SandboxTerminatedError):
        third.wait()


def test_the_local_backend_refuses_an_empty_image(tree: Path) -> None:
    """By name, with what to do: its containers have this machine's userland."""
    image = intermodal.Image.from_scratch().add_local_dir(tree, "/", copy=True)
    here = intermodal.App("sandbox-images-here")
    with (
        here.run(backend="local"),
        pytest.raises(CapabilityNotSupported, match=r"image.from_scratch.*docker or podman"),
    ):
        intermodal.Sandbox.create(app=here, image=image)
