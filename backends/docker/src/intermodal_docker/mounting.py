"""What root does to an engine's container from outside: volumes in its mount namespace, rules for its network."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Sequence

from intermodal.exception import BackendError, CapabilityNotSupported
from intermodal.plugins.mounter import Mounter
from intermodal.plugins.outbound import confine, network_of
from intermodal.specs import SharedMount, VolumeMount
from intermodal_docker.inside.line import Line

__all__ = ["MISSING", "NO_RULES_ELSEWHERE", "NO_VOLUMES_ELSEWHERE", "Process", "can_mount"]

#: What to say where no volumes can be mounted.
MISSING = "volumes are mounted into an engine's containers as root: run this program as root, or use --backend local"
NO_VOLUMES_ELSEWHERE = "volumes are directories of this machine, which an engine elsewhere does not see"
NO_RULES_ELSEWHERE = "rules for a container's network are set from this machine, where an engine elsewhere has none"


def can_mount() -> bool:
    """Whether this process may mount into the containers of an engine that runs here."""
    return os.geteuid() == 0


class Process:
    """Process 1 at the other end of a line, and with it the container that it is in."""

    def __init__(self, line: Line, capability: str = "volumes", elsewhere: str = NO_VOLUMES_ELSEWHERE) -> None:
        """Raises `BackendError` where it has ended, `CapabilityNotSupported` where it runs on another machine."""
        if not line.local:
            raise CapabilityNotSupported(capability, hint=elsewhere)
        size = struct.calcsize("3i")
        with socket.socket(fileno=os.dup(line.fileno())) as connection:
            pid, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        try:
            self._fd = os.pidfd_open(pid)
        except ProcessLookupError:
            raise BackendError("the container has ended") from None

    def mount(self, mounter: Mounter, volumes: Sequence[VolumeMount | SharedMount], *, swap: bool) -> None:
        """Mount volumes into the container; `swap`: in place of those that are there. Blocks.

        Raises `VolumeInUse`, `BackendError`.
        """
        mounter.mount(volumes, self._fd, swap=swap)

    def confine(self, reachable: Sequence[str]) -> None:
        """Let the container reach nothing but these networks. Blocks. Raises `BackendError`."""
        with network_of(self._fd) as namespace:
            confine(namespace, reachable)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._fd)
