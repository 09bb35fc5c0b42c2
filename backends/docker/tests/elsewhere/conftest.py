"""Engines that are not this machine's, as far as a client can tell."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from certificates import Authority
from elsewhere import Machine, Program
from private_engines import private_engine
from ssh_server import SshServer, ssh_server


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """One in a directory of its own."""
    made = Program(tmp_path)
    made.write()
    return made


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Docker's daemon with TLS on loopback. It does not see the tests' directories."""
    folder = Path(tempfile.mkdtemp(prefix="intermodal-tests-", dir="/var/tmp"))
    try:
        authority = Authority(folder / "authority", "tests")
        ours = authority.vouch(folder / "ours", "engine", "serverAuth", "IP:127.0.0.1")
        tls = [f"--tlscacert={ours}/ca.pem", f"--tlscert={ours}/cert.pem", f"--tlskey={ours}/key.pem"]
        root = folder / "engine"
        root.mkdir()
        hidden = tmp_path_factory.getbasetemp()
        with (
            socket.create_server(("127.0.0.1", 0)) as listener,
            private_engine("docker", root, 900, ["--host=fd://", "--tlsverify", *tls], hidden, listener) as engine,
        ):
            client = authority.vouch(folder / "client", "client", "clientAuth")
            yield Machine(engine, f"tcp://127.0.0.1:{listener.getsockname()[1]}", client, folder)
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """An ssh server."""
    with ssh_server(tmp_path_factory.mktemp("ssh"), {}) as made:
        yield made
