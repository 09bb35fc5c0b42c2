"""Programs that join a running container, started by its process 1."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import termios
import time
from collections.abc import Sequence
from typing import Any, NoReturn

__all__ = ["end_others", "kill", "reset_signals", "start"]

#: Seconds that processes may take to go, as those that wait for a device do.
_GOING_S = 1.0


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


def end_others() -> bool:
    """Kill all other processes of the container, and reap them: they are this one's now.

    False: some take longer, or an engine was set up to give containers no processes of their own.
    """
    if os.getpid() != 1:
        return False
    deadline = time.monotonic() + _GOING_S
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if not pid and signal.sigtimedwait({signal.SIGCHLD}, max(0.0, deadline - time.monotonic())) is None:
            return False


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
