"""Volumes mounted into an engine's container, by a process of root's that joins its mount namespace."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Sequence

from intermodal.exception import BackendError, CapabilityNotSupported
from intermodal.plugins.mounter import Mounter
from intermodal.specs import SharedMount, VolumeMount
from intermodal_docker.inside.line import Line

__all__ = ["MISSING", "NO_VOLUMES_ELSEWHERE", "Process", "can_mount"]

#: What to say where no volumes can be mounted.
MISSING = "volumes are mounted into an engine's containers as root: run this program as root, or use --backend local"
NO_VOLUMES_ELSEWHERE = "volumes are directories of this machine, which an engine elsewhere does not see"


def can_mount() -> bool:
    """Whether this process may mount into the containers of an engine that runs here."""
    return os.geteuid() == 0


class Process:
    """Process 1 at the other end of a line, and with it the container that it is in."""

    def __init__(self, line: Line) -> None:
        """Raises `BackendError` where it has ended, `CapabilityNotSupported` where it runs on another machine."""
        if not line.local:
            raise CapabilityNotSupported("volumes", hint=NO_VOLUMES_ELSEWHERE)
        size = struct.calcsize("3i")
        with socket.socket(fileno=os.dup(line.fileno())) as connection:
            pid, _, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        try:
            self._fd = os.pidfd_open(pid)
        except ProcessLookupError:
            raise BackendError("the container ended before its volumes were mounted") from None

    def mount(self, mounter: Mounter, volumes: Sequence[VolumeMount | SharedMount], *, swap: bool) -> None:
        """Mount volumes into the container; `swap`: in place of those that are there. Blocks.

        Raises `VolumeInUse`, `BackendError`.
        """
        mounter.mount(volumes, self._fd, swap=swap)

    def close(self) -> None:
        """Let go of it."""
        os.close(self._fd)
