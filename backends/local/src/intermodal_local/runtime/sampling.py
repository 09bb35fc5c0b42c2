"""Memory and process limits where no control group enforces them: the process tree is looked at from outside, often."""

from __future__ import annotations

import os

_PAGE = os.sysconf("SC_PAGE_SIZE")


def process_of(pidfd: int) -> int | None:
    """The process id behind a pidfd, as this process's /proc counts; None when it has ended."""
    with open(f"/proc/self/fdinfo/{pidfd}") as file:
        for line in file:
            if line.startswith("Pid:"):
                pid = int(line.split()[1])
                return pid if pid > 0 else None
    return None


def began(pid: int) -> int | None:
    """When a process began, which with its number tells it from those that get the number later; None: it is gone."""
    origin = _origin(str(pid))
    return None if origin is None else origin[1]


def trees(*roots: int) -> dict[int, int]:
    """`roots` and all of their descendants that are there, with when they `began`."""
    children: dict[int, list[int]] = {}
    times: dict[int, int] = {}
    for name in os.listdir("/proc"):
        origin = _origin(name) if name.isdigit() else None
        if origin is not None:
            parent, times[int(name)] = origin
            children.setdefault(parent, []).append(int(name))
    queue = list(dict.fromkeys(roots))
    found = set(queue)
    for pid in queue:
        fresh = [child for child in children.get(pid, ()) if child not in found]
        found.update(fresh)
        queue.extend(fresh)
    return {pid: times[pid] for pid in queue if pid in times}


def _origin(name: str) -> tuple[int, int] | None:
    """The parent of a process, and when it began, in ticks since the machine did."""
    try:
        with open(f"/proc/{name}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        return int(fields[1]), int(fields[19])
    except (OSError, ValueError, IndexError):
        return None


def memory_used(pids: list[int], enough: int, *, own_shm: bool) -> int:
    """Bytes of memory held by processes, shared pages counted once, and by their /dev/shm where they have their own.
    Looks closely only where a cheap estimate exceeds `enough`."""
    shared = _shared_memory(pids[0]) if own_shm else 0
    estimate = shared + sum(_resident(pid) for pid in pids)
    if estimate <= enough:
        return estimate
    return shared + sum(_proportional(pid) for pid in pids)


def _resident(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm") as file:
            fields = file.read().split()
        return (int(fields[1]) - int(fields[2])) * _PAGE
    except (OSError, IndexError, ValueError):
        return 0


def _proportional(pid: int) -> int:
    """Anonymous memory only: files are shared, and /dev/shm is counted by itself."""
    try:
        with open(f"/proc/{pid}/smaps_rollup") as file:
            for line in file:
                if line.startswith("Pss_Anon:"):
                    return int(line.split()[1]) << 10
    except (OSError, ValueError):
        pass
    return _resident(pid)


def _shared_memory(pid: int) -> int:
    try:
        status = os.statvfs(f"/proc/{pid}/root/dev/shm")
    except OSError:
        return 0
    return (status.f_blocks - status.f_bfree) * status.f_frsize
