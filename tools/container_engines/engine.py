"""The two engines: how each is started here, and where it listens."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from container_engines.api import Api
from container_engines.failure import Failure, say
from container_engines.packages import find
from container_engines.pid_files import PidFile
from container_engines.podman_settings import write_settings
from container_engines.service import Service

__all__ = ["ENGINES", "Engine"]


@dataclass(frozen=True)
class Engine:
    """One engine of this machine. `pid_files`: where its daemons note their numbers."""

    name: str
    socket: Path
    command: tuple[str, ...]
    pid_files: tuple[PidFile, ...] = ()

    @property
    def api(self) -> Api:
        """Its HTTP interface."""
        return Api(self.socket)

    def service(self, state: Path) -> Service:
        """Its process, if it is ours."""
        return Service(self.name, state)

    def up(self, state: Path) -> None:
        """Start it, unless it answers. Raises `Failure`."""
        reason = self.api.why_not()
        if reason is None:
            return
        if os.geteuid() != 0:
            raise Failure(f"{self.name} does not answer ({reason}), and only root may start it.")
        if self.name == "podman":
            write_settings()
        program = find(self.command[0])
        if program is None:
            raise Failure(f"{self.name} does not answer ({reason}), and there is no command {self.command[0]}.")
        say(f"Starting {self.name}.")
        for file in self.pid_files:
            file.remove_if_stale()
        self.socket.parent.mkdir(parents=True, exist_ok=True)
        # Both look for their own helpers on PATH.
        env = {**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"}
        for variable in ("DOCKER_HOST", "CONTAINER_HOST", "NOTIFY_SOCKET", "LISTEN_FDS", "LISTEN_PID"):
            env.pop(variable, None)
        self.service(state).start([program, *self.command[1:]], self.api.why_not, env)


_PODMAN = Path("/run/podman/podman.sock")
ENGINES = (
    Engine(
        "docker",
        Path("/var/run/docker.sock"),
        ("dockerd",),
        (
            PidFile(Path("/var/run/docker.pid"), "dockerd"),
            PidFile(Path("/var/run/docker/containerd/containerd.pid"), "containerd"),
        ),
    ),
    Engine("podman", _PODMAN, ("podman", "system", "service", "--time=0", f"unix://{_PODMAN}")),
)
