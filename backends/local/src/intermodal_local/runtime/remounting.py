"""Volumes of a running container mounted anew: a short-lived process of `intermodal.plugins.mounter` does it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["CONTAINER_FD", "HOST_FD", "Started", "finish", "start"]

CONTAINER_FD, HOST_FD = 10, 11
_ABOVE = 20


@dataclass
class Started:
    """The process, and the pipe with what it says."""

    pid: int
    output: int
    said: bytearray = field(default_factory=bytearray)


def start(argv: list[str], container: int, host: int) -> Started:
    """Run the program for the container of a pidfd, which it finds as `CONTAINER_FD`; and as `HOST_FD` the pidfd
    `host`, its zygote's, unless that is -1. Raises `OSError`."""
    output, theirs = os.pipe2(os.O_CLOEXEC)
    numbers = {CONTAINER_FD: container, **({HOST_FD: host} if host >= 0 else {})}
    # Far above, so that no duplicate takes the number of another one.
    copies = {number: fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for number, fd in numbers.items()}
    try:
        actions = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in {1: theirs, **copies}.items()]
        pid = os.posix_spawn(argv[0], argv, dict(os.environ), file_actions=actions)
    except OSError:
        os.close(output)
        raise
    finally:
        for fd in (theirs, *copies.values()):
            os.close(fd)
    return Started(pid, output)


def finish(started: Started, unwatch: Callable[[int], None]) -> str | None:
    """Read on; what it said once it has ended, else None."""
    data = os.read(started.output, 1 << 16)
    started.said += data
    if data:
        return None
    unwatch(started.output)
    os.close(started.output)
    os.waitpid(started.pid, 0)
    return started.said.decode(errors="replace")
