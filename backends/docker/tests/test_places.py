"""Where an engine is, as its own command would find it."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from intermodal_docker.engines.docker_place import docker_place
from intermodal_docker.engines.podman_place import podman_place

SOCKET = "unix:///var/run/docker.sock"


def context(folder: Path, name: str, host: str) -> None:
    """Make a context of docker's."""
    place = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    place.mkdir(parents=True)
    meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": False}}}
    (place / "meta.json").write_text(json.dumps(meta))


def test_what_docker_is_told_first_counts(tmp_path: Path) -> None:
    """The setting, then the variables, then the current context, then the socket."""
    context(tmp_path, "far", "ssh://far")
    context(tmp_path, "near", "tcp://near:1")
    env = {"DOCKER_CONFIG": str(tmp_path)}
    assert docker_place(None, env).address == SOCKET
    (tmp_path / "config.json").write_text('{"currentContext": "far"}')
    assert docker_place(None, env).address == "ssh://far"
    env["DOCKER_CONTEXT"] = "near"
    assert docker_place(None, env).address == "tcp://near:1"
    env["DOCKER_HOST"] = "unix:///mine.sock"
    assert docker_place(None, env).address == "unix:///mine.sock"
    assert docker_place("far", env).address == "ssh://far"
    assert docker_place("tcp://other:2", env).address == "tcp://other:2"
    assert docker_place("default", env).address == SOCKET


@pytest.mark.parametrize(
    ("named", "env", "said"),
    [
        ("gone", {}, "docker.host is 'gone'"),
        (None, {"DOCKER_CONTEXT": "gone"}, "DOCKER_CONTEXT is 'gone'"),
        (None, {}, "docker's current context is 'gone'"),
    ],
)
def test_a_context_that_is_not_there(tmp_path: Path, named: str | None, env: dict[str, str], said: str) -> None:
    """The message says who named it, and which command lists those that are."""
    (tmp_path / "config.json").write_text('{"currentContext": "gone"}')
    failure = docker_place(named, {"DOCKER_CONFIG": str(tmp_path), **env}).failure
    assert said in failure
    assert "docker context ls" in failure


def test_broken_contexts_are_said_to_be(tmp_path: Path) -> None:
    """No traceback."""
    (tmp_path / "config.json").write_text("{")
    assert "its contexts cannot be read" in docker_place(None, {"DOCKER_CONFIG": str(tmp_path)}).failure


def test_an_address_is_remote_unless_it_is_a_socket() -> None:
    """As far as it tells."""
    told = {address: docker_place(address, {}).remote for address in (SOCKET, "tcp://127.0.0.1:1", "ssh://me@there")}
    assert told == {SOCKET: False, "tcp://127.0.0.1:1": True, "ssh://me@there": True}


def test_what_podman_is_told_first_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting, then the variables, then the user's own socket, then the default connection."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    (tmp_path / "containers").mkdir()
    (tmp_path / "containers" / "containers.conf").write_text(
        '[engine]\nactive_service = "far"\n[engine.service_destinations.far]\n'
        'uri = "ssh://far/p.sock"\nidentity = "/key"\n'
        '[engine.service_destinations.near]\nuri = "tcp://near:1"\n'
    )
    env = {"XDG_RUNTIME_DIR": str(tmp_path)}
    far = podman_place(None, env)
    assert (far.address, far.identity) == ("ssh://far/p.sock", "/key")
    (tmp_path / "podman").mkdir()
    (tmp_path / "podman" / "podman.sock").touch()
    assert podman_place(None, env).address == f"unix://{tmp_path}/podman/podman.sock"
    env["CONTAINER_CONNECTION"] = "near"
    assert podman_place(None, env).address == "tcp://near:1"
    env["CONTAINER_HOST"] = "ssh://other"
    assert podman_place(None, env).address == "ssh://other"
    assert podman_place("far", env).address == "ssh://far/p.sock"
