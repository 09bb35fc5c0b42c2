"""Engines that are reached by ssh: docker's and podman's, by an address or by a name for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from elsewhere import Program, read_until
from engines_here import ENGINES
from intermodal_docker.engine import Engine, EngineUnavailable
from intermodal_docker.engines.docker_engine import DockerEngine
from intermodal_docker.engines.podman_engine import PodmanEngine
from intermodal_docker.session import left_containers, left_volumes
from intermodal_docker.shipped import Shipped
from private_engines import until
from processes import command_lines
from ssh_server import SshServer

pytestmark = pytest.mark.one_user
SOCKETS = {"docker": "/var/run/docker.sock", "podman": "/run/podman/podman.sock"}


def known_as(name: str, address: str, key: Path, folder: Path) -> Mapping[str, str]:
    """Have podman's connections, or docker's environment, say where the engine is; the variables for it."""
    if name == "docker":
        return {"DOCKER_HOST": address}
    connection = {"URI": address, "Identity": str(key)}
    connections = {"Connection": {"Default": "far", "Connections": {"far": connection}}}
    (folder / "containers").mkdir()
    (folder / "containers" / "podman-connections.json").write_text(json.dumps(connections))
    return {"CONTAINER_CONNECTION": "far", "XDG_CONFIG_HOME": str(folder)}


def tunnels(server: SshServer) -> list[int]:
    """Processes of clients of the server."""
    return [pid for pid, line in command_lines() if str(server.config).encode() in line and b"\0-L\0" in line]


def test_a_program_runs_over_ssh(engine: Engine, server: SshServer, program: Program) -> None:
    """With all that the user's own ssh knows; nothing of it stays, also where the client is killed."""
    address = f"ssh://machine{SOCKETS[engine.name]}"
    path = server.command_on_path(program.folder / "bin", "-F", str(server.config))
    env = {"INTERMODAL_BACKEND": engine.name, "PATH": path, "TMPDIR": str(program.folder)}
    env |= known_as(engine.name, address, server.key, program.folder)
    try:
        code, said = program.run(env)
        assert code == 0, said
        assert "sum 9900" in said, said
        assert "same True shown" in said, said
        assert list(left_containers(engine, program.data)) == []
        client = program.start("wait", env)
        read_until(client, "working")
        client.kill()
        client.communicate()
        until(lambda: not left_containers(engine, program.data), "the container goes")
        until(lambda: not tunnels(server), "the way goes")
        until(lambda: not list(program.folder.glob("intermodal-*")), "its directory goes")
    finally:
        Shipped(engine, program.data).prune({}, older_than_s=0)
    assert left_volumes(engine, program.data) == {}


def test_several_threads_may_be_the_first_to_ask(
    engine: Engine, server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They share one connection."""
    monkeypatch.setenv("PATH", server.command_on_path(tmp_path / "bin", "-F", str(server.config)))
    far = ENGINES[engine.name](f"ssh://machine{SOCKETS[engine.name]}")  # type: ignore[call-arg]
    try:
        with ThreadPoolExecutor(8) as threads:
            asked = [threads.submit(far.containers, {"intermodal.owner": "nobody"}) for _ in range(8)]
            assert [list(each.result()) for each in asked] == [[]] * 8
        assert len(tunnels(server)) == 1
    finally:
        far.close()
    assert tunnels(server) == []


def why(engine: Engine) -> str:
    """Why it does not answer."""
    with pytest.raises(EngineUnavailable) as caught:
        engine.info()
    engine.close()
    return str(caught.value)


def test_each_way_to_fail_says_what_to_do(server: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is not taken, a machine that is not there, a socket that is not, a key of the machine that is new."""
    here = f"{server.user}@127.0.0.1:{server.port}"
    plain = ["-F", "/dev/null", "-o", "IdentitiesOnly=yes", "-o", "UserKnownHostsFile=/dev/null"]
    trusting = [*plain, "-o", "StrictHostKeyChecking=no"]
    monkeypatch.setenv("PATH", server.command_on_path(tmp_path / "refused", *trusting, "-i", f"{server.folder}/other"))
    said = why(DockerEngine(f"ssh://{here}"))
    assert "The machine takes none of your keys" in said
    assert "ssh-add" in said
    monkeypatch.setenv("PATH", server.command_on_path(tmp_path / "taken", *trusting, "-i", str(server.key)))
    said = why(PodmanEngine(f"ssh://{here}{tmp_path}/absent.sock"))
    assert f"no engine answers at ssh://{here}{tmp_path}/absent.sock" in said
    assert "ssh://USER@HOST/path/of/the/socket" in said
    assert "No ssh server listens there" in why(PodmanEngine("ssh://127.0.0.1:9"))
    monkeypatch.setenv("PATH", server.command_on_path(tmp_path / "strict", *plain, "-i", str(server.key)))
    assert "connect once by hand" in why(DockerEngine(f"ssh://{here}"))
    assert tunnels(server) == []


def test_a_connection_that_podman_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says which command lists those that it knows."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert "podman.host is 'far', and there is no such connection: `podman system connection list`" in why(
        PodmanEngine("far")
    )
