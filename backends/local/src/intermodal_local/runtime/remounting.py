"""Volumes of a running container mounted anew: a short-lived process of `intermodal.plugins.mounter` does it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from intermodal_local.runtime import contain

__all__ = ["Started", "finish", "start"]


@dataclass
class Started:
    """The process, and the pipe with what it says."""

    pid: int
    output: int
    said: bytearray = field(default_factory=bytearray)


def start(mounter: str, orders: Sequence[dict[str, Any]], container: int, host: int) -> Started:
    """Run the program `mounter` for the container of a pidfd; `host` is the pidfd of the zygote where an ordinary
    user's is needed, else -1. Raises `OSError`."""
    words: dict[str, Any] = {"orders": list(orders), "container": container, "host": None, "prefix": ""}
    if host >= 0:
        words.update(host=host, prefix=contain.HOST)
    output, theirs = os.pipe2(os.O_CLOEXEC)
    try:
        kept = [fd for fd in (container, host) if fd >= 0]
        actions = [(os.POSIX_SPAWN_DUP2, theirs, 1), *((os.POSIX_SPAWN_DUP2, fd, fd) for fd in kept)]
        argv = [sys.executable, "-I", "-S", mounter, json.dumps(words)]
        pid = os.posix_spawn(sys.executable, argv, dict(os.environ), file_actions=actions)
    except OSError:
        os.close(output)
        raise
    finally:
        os.close(theirs)
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
