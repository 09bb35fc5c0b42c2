"""Where no engine answers, the message says which command helps."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from intermodal_docker.engine import Engine, EngineUnavailable
from intermodal_docker.engines.docker_engine import DockerEngine
from intermodal_docker.engines.podman_engine import PodmanEngine


@pytest.mark.parametrize(
    ("made", "command"),
    [(DockerEngine, "systemctl start docker"), (PodmanEngine, "podman system service --time=0")],
    ids=["docker", "podman"],
)
def test_an_engine_that_does_not_run(made: type[Engine], command: str, tmp_path: Path) -> None:
    """Its socket is not there, or nobody is behind it."""
    path = tmp_path / "engine.sock"
    engine = made(f"unix://{path}")  # type: ignore[call-arg]
    with pytest.raises(EngineUnavailable) as caught:
        engine.info()
    assert str(path) in str(caught.value)
    assert command in str(caught.value)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with pytest.raises(EngineUnavailable, match="nothing behind it") as caught:
        engine.info()
    assert command in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every socket; the tests run as another user, too")
@pytest.mark.parametrize(
    ("made", "command"),
    [(DockerEngine, "sudo usermod -aG docker $USER"), (PodmanEngine, "systemctl --user enable --now podman.socket")],
    ids=["docker", "podman"],
)
def test_an_engine_that_one_may_not_use(made: type[Engine], command: str, tmp_path: Path) -> None:
    """The message says how to be let in."""
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as served:
        served.bind(str(path))
        served.listen()
        path.chmod(0)
        engine = made(f"unix://{path}")  # type: ignore[call-arg]
        with pytest.raises(EngineUnavailable) as caught:
            engine.info()
    assert command in str(caught.value)


@pytest.mark.parametrize("made", [DockerEngine, PodmanEngine], ids=["docker", "podman"])
def test_a_machine_that_does_not_answer(made: type[Engine]) -> None:
    """It is named, and the option that names another one."""
    engine = made("tcp://127.0.0.1:9")  # type: ignore[call-arg]
    with pytest.raises(EngineUnavailable, match=r"127\.0\.0\.1:9") as caught:
        engine.info()
    assert f"{engine.name}.host" in str(caught.value)
