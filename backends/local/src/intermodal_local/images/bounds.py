"""How much of the machine a step may use: control groups that go with its container."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from intermodal_local.runtime.cgroups import Cgroups

__all__ = ["bounded", "join"]

_POLL_S = 0.02


@contextmanager
def bounded(cpu: float | None, memory: int | None) -> Iterator[list[int]]:
    """Groups with these limits, in cores and MiB, until the context is left: what is in them is killed then.

    It gives the files by which a process joins them; none where nothing is limited. Raises `OSError`.
    """
    if cpu is None and memory is None:
        yield []
        return
    groups = Cgroups(f"build-{os.getpid()}")
    try:
        group = groups.create("step", memory=None if memory is None else memory << 20, pids=None, cpu=cpu)
        fds = group.control_fds()
        try:
            yield fds
        finally:
            for fd in fds:
                os.close(fd)
    finally:
        while not groups.remove():
            time.sleep(_POLL_S)


def join(fds: list[int]) -> None:
    """This process, and what it starts, is in those groups from now on."""
    for fd in fds:
        os.write(fd, b"0")
        os.close(fd)
