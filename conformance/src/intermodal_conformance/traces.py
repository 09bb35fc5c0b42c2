"""What a backend must not leave on this machine: processes below this one, and mounts."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import time
from pathlib import Path

__all__ = ["adopt_orphans", "descendants", "marked", "mounts", "new_mark", "settle"]

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """From now on whatever is started below this process stays below it, also when its parent ends first."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants() -> dict[int, str]:
    """Living processes below this one, by id, with their command lines. Zombies of ours are reaped."""
    children: dict[int, list[tuple[int, str]]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, ValueError):
                state, parent = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()[:2]
                children.setdefault(int(parent), []).append((int(entry), state))
    found: dict[int, str] = {}
    waiting = [os.getpid()]
    while waiting:
        for pid, state in children.get(waiting.pop(), ()):
            if state == "Z":
                with contextlib.suppress(OSError):
                    os.waitpid(pid, os.WNOHANG)
            else:
                found[pid] = _command(pid)
            waiting.append(pid)
    return found


def new_mark() -> str:
    """A name for processes, that no other has: seconds for `sleep`, more than a test lasts."""
    return str(random.SystemRandom().randrange(600_000_000, 700_000_000))


def marked(mark: str) -> dict[int, str]:
    """Living processes that have `mark` in their name or command line, wherever on this machine they were started:
    containers of a daemon are not below this process."""
    found: dict[int, str] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            with contextlib.suppress(OSError):
                _, _, rest = Path("/proc", entry, "stat").read_text().partition("(")
                name, _, fields = rest.rpartition(")")
                if fields.split()[0] not in "ZX" and mark in f"{name} {_command(int(entry))}":
                    found[int(entry)] = _command(int(entry))
    return found


def _command(pid: int) -> str:
    try:
        words = Path("/proc", str(pid), "cmdline").read_bytes().split(b"\0")
    except OSError:
        return "?"
    return b" ".join(words).decode(errors="replace").strip()[:200] or "?"


def mounts(folder: Path) -> set[str]:
    """The mount points below `folder` that this process sees."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {place for line in lines if Path(place := line.split(" ")[4]).is_relative_to(folder)}


def settle(before: set[int], seconds: float, mark: str | None = None) -> dict[int, str]:
    """The processes that do not end within `seconds`: below this one and not there before, or with that mark."""
    deadline = time.monotonic() + seconds
    while True:
        left = {pid: command for pid, command in descendants().items() if pid not in before}
        left |= marked(mark) if mark is not None else {}
        if not left or time.monotonic() >= deadline:
            return left
        time.sleep(0.05)
