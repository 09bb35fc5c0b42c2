"""For launchers: volumes mounted into running containers from outside, by a process that joins their mount namespace.

`Mounter` is such a process, `overlay` for launchers that mount before a container runs. Public to authors of backends.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import NamedTuple

from intermodal.exception import BackendError
from intermodal.plugins import mounting_process
from intermodal.plugins.roles import VolumeInUse
from intermodal.specs import SharedMount, VolumeMount

__all__ = ["Mounter", "Overlay", "overlay"]

_SECONDS = 60.0


class Overlay(NamedTuple):
    """How a volume is mounted with mount(2): `source` at its target, type overlay, standing in `directory`: the names
    of the lower directories in `options` are relative, for the kernel takes one page of them."""

    source: str
    directory: str
    flags: int
    options: str


def overlay(mount: VolumeMount, prefix: str = "") -> Overlay:
    """For a process that sees the host's directories below `prefix`."""
    return Overlay(*mounting_process.overlay_options(mount.lower, mount.upper, mount.work, prefix))


class Mounter:
    """A process that mounts into running containers of this host: started when it is first needed, it ends when this is
    closed or its owner ends, however that happens. Blocking calls, from any thread."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None

    def mount(
        self,
        volumes: Sequence[VolumeMount | SharedMount],
        container: int,
        host: int | None = None,
        prefix: str = "",
        *,
        swap: bool,
    ) -> None:
        """Mount volumes into a container, all or none.

        Args:
            container: a pidfd of a process in it.
            host: the same of a process in whose namespaces the host's directories are seen below `prefix`; None: here.
            swap: they take the place of what is mounted at their targets.

        Raises `VolumeInUse`: nothing has changed; `BackendError`.
        """
        words = {"orders": [dataclasses.asdict(each) for each in volumes], "swap": swap, "prefix": prefix}
        order = os.memfd_create("intermodal-mount", os.MFD_CLOEXEC)
        with open(order, "wb") as file:
            file.write(json.dumps(words).encode())
            file.flush()
            told, theirs = os.pipe2(os.O_CLOEXEC)
            try:
                self._send([order, theirs, container, *([] if host is None else [host])])
            except BaseException:
                os.close(told)
                raise
            finally:
                os.close(theirs)
        with open(told, "rb", buffering=0) as answer:
            poll = select.poll()  # `select` takes no descriptor above 1023, and this may be one of many
            poll.register(answer, select.POLLIN)
            _understand(answer.read() if poll.poll(_SECONDS * 1000) else b"")

    def close(self) -> None:
        """End the process; what it is about to mount is mounted. Idempotent."""
        with self._gate:
            self._end()

    def _send(self, fds: list[int]) -> None:
        with self._gate:
            try:
                if self._orders is None:
                    raise BrokenPipeError
                socket.send_fds(self._orders, [b"m"], fds, socket.MSG_NOSIGNAL)
                self._go_on()
            except OSError:  # there is none yet, or it was killed
                self._end()
                try:
                    socket.send_fds(self._start(), [b"m"], fds, socket.MSG_NOSIGNAL)
                except OSError as error:
                    raise BackendError(f"the process that mounts volumes cannot be started: {error}") from error

    def _start(self) -> socket.socket:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", os.path.abspath(mounting_process.__file__)],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                cwd="/",
            )
        return self._orders

    def _go_on(self) -> None:
        """It may have been stopped from outside."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def _end(self) -> None:
        if self._orders is not None:
            self._orders.close()
        if self._process is not None:
            self._go_on()
            self._process.wait()
        self._orders = self._process = None


def _understand(answer: bytes) -> None:
    said = {"busy": None, "error": "the process that does it said nothing: it was killed, or waits for the kernel"}
    with contextlib.suppress(ValueError):
        said = json.loads(answer)
    if said["busy"] is not None:
        raise VolumeInUse(said["busy"])
    if said["error"] is not None:
        raise BackendError(f"volumes cannot be mounted into a running container: {said['error']}")
