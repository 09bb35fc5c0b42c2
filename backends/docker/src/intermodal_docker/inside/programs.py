"""Programs that join a running container, started by its process 1."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
from collections.abc import Sequence
from typing import Any, NoReturn

__all__ = ["kill", "reset_signals", "start"]


def start(order: Any, streams: Sequence[int]) -> tuple[int, int | None]:
    """Start `order["argv"]`; its process id, and a terminal's master if it asked for one.

    `streams` are its standard input, output and error, which are closed here. Raises `OSError` where it cannot run.
    """
    master = slave = None
    if order["terminal"]:
        master, slave = os.openpty()
        rows, columns = order["terminal"]
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        streams = (slave, slave, slave)
    told, tells = os.pipe()
    pid = os.fork()
    if not pid:
        _be_program(order, streams, tells)
    os.close(tells)
    for fd in set(streams):
        os.close(fd)
    with open(told, "rb") as file:
        failed = file.read()
    if failed:
        os.waitpid(pid, 0)
        if master is not None:
            os.close(master)
        raise OSError(int(failed), os.strerror(int(failed)))
    return pid, master


def reset_signals() -> None:
    """As a program expects them at its start."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)


def kill(pid: int, number: int) -> None:
    """Send a program that `start` started a signal; SIGKILL is for its whole process group."""
    if number == signal.SIGKILL:
        try:
            os.killpg(pid, number)
            return
        except ProcessLookupError:  # it has no group of its own yet
            pass
    os.kill(pid, number)


def _be_program(order: Any, streams: Sequence[int], tells: int) -> NoReturn:
    try:
        reset_signals()
        os.setsid()
        for fd, target in zip(streams, (0, 1, 2), strict=False):
            os.dup2(fd, target)
        if order["terminal"]:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        os.chdir(order["workdir"])
        os.execvpe(order["argv"][0], order["argv"], {**os.environ, **dict(order["env"])})
    except OSError as error:
        os.write(tells, str(error.errno).encode())
    finally:
        os._exit(127)
