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


def trees(*roots: int) -> list[int]:
    """`roots` and all of their descendants."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(name))
    found = dict.fromkeys(roots)
    queue = list(found)
    for pid in queue:
        fresh = [child for child in children.get(pid, ()) if child not in found]
        found.update(dict.fromkeys(fresh))
        queue.extend(fresh)
    return queue


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
