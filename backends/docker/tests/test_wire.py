"""The way to an engine of this machine."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from intermodal.exception import BackendError
from intermodal.plugins.building import Member
from intermodal_docker.archives import pack
from intermodal_docker.engine import CreateRequest, Engine, EngineUnavailable, NotThere
from intermodal_docker.engines.docker_engine import DockerEngine

#: What the engines' own packages bring along.
HEAVY = {"docker", "podman", "requests", "urllib3", "rich"}
MIB = 1 << 20


@pytest.mark.parametrize("name", ["docker", "podman"])
def test_an_engine_of_this_machine_needs_neither_package(name: str) -> None:
    """They are for engines elsewhere, and for log-ins: to import them costs more than all that a cached run asks."""
    code = (
        f"import sys; from intermodal_docker import {name}_plugin as plugin, launcher, builder\n"
        f"from intermodal.plugins import Config\n"
        f"from intermodal_docker.options import add_options\n"
        f"config = Config.load(command_line={{'backend': {name!r}}}); add_options(config.options, {name!r})\n"
        f"plugin.engine_of(config)\n"
        f"print(*({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.returncode) == ("", 0), done.stdout + done.stderr


def test_a_refusal_before_all_was_sent_is_heard(engine: Engine) -> None:
    """There is no such container; the archive's many bytes are not what fails."""

    def archive() -> Iterator[bytes]:
        for _ in range(64):
            yield bytes(MIB)

    with pytest.raises(NotThere, match="no-such-container"):
        engine.put_archive("no-such-container", "/", archive())


def test_what_an_archive_raises_is_raised(engine: Engine) -> None:
    """And not taken for the engine's failure; the engine is asked on."""

    def read() -> Iterator[bytes]:
        yield bytes(MIB)
        raise ZeroDivisionError

    image = "python:3.11-slim-bookworm"
    container = engine.create(CreateRequest(image=image, command=("true",)))
    try:
        with pytest.raises(ZeroDivisionError):
            engine.put_archive(container, "/", pack([Member(path="file", size=4 * MIB, read=read)]))
        assert engine.container(container) is not None
    finally:
        engine.remove(container)


def test_an_engine_that_ends_amid_an_answer(tmp_path: Path) -> None:
    """It is unavailable then, and the message says where."""
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            for said in (b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", b"no HTTP at all\r\n\r\n"):
                client, _ = listener.accept()
                with client:
                    client.recv(4096)
                    client.sendall(said)

        thread = threading.Thread(target=answer)
        thread.start()
        engine = DockerEngine(f"unix://{path}")
        for _ in range(3):
            with pytest.raises(EngineUnavailable, match=r"engine\.sock does not answer as one"):
                engine.info()
        thread.join()


def test_names_are_no_part_of_a_request(engine: Engine) -> None:
    """They reach the engine as they are, and not as a query, or another request."""
    for name in ("a b?all=true", "naïve#1", "%2e%2e%2finfo"):
        assert engine.container(name) is None
    with pytest.raises(BackendError):
        engine.container("../info")
