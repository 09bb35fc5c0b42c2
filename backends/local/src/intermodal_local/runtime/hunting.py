"""Ends what runs without a pid namespace around it: process trees, and what slipped out of them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable, Mapping

from intermodal_local.runtime import sampling

#: In the environment of every process of a session under `isolation = "process"`.
MARK = "INTERMODAL_LOCAL_SESSION"
_ROUNDS = 100


def kill_trees(*roots: int) -> None:
    """Kill `roots` and all of their descendants; those are stopped first, so that they cannot make new ones meanwhile.
    O(processes of the machine), however many roots there are."""
    seen: dict[int, int] = {}
    for _ in range(_ROUNDS):
        fresh = {pid: began for pid, began in sampling.trees(*roots).items() if seen.get(pid) != began}
        if not fresh:
            break
        seen.update(fresh)
        send_to(fresh, signal.SIGSTOP)
    send_to({pid: began for pid, began in seen.items() if pid not in roots}, signal.SIGKILL)
    send_to({pid: began for pid, began in seen.items() if pid in roots}, signal.SIGKILL)


def kill_strays(known: Iterable[int]) -> None:
    """Kill and reap the children of this process that are not `known`: their parent died and left them to us."""
    expected = set(known)
    for _ in range(_ROUNDS):
        strays = [pid for pid in children(os.getpid()) if pid not in expected]
        if not strays:
            return
        kill_trees(*strays)
        for pid in strays:
            try:
                os.waitpid(pid, 0)
            except ChildProcessError:
                continue


def kill_session(session: str) -> None:
    """Kill whatever carries the mark of `session`: for one whose supervisor is gone."""
    mark = f"{MARK}={session}".encode()
    for _ in range(_ROUNDS):
        known = {pid: began for pid in _processes() if (began := sampling.began(pid)) is not None}
        found = {pid: began for pid, began in known.items() if pid != os.getpid() and mark in _environment(pid)}
        if not found:
            return
        send_to(found, signal.SIGKILL)


def children(parent: int) -> list[int]:
    """The direct children of a process, zombies included."""
    found = []
    for task in os.listdir(f"/proc/{parent}/task"):
        try:
            with open(f"/proc/{parent}/task/{task}/children") as file:
                found += [int(pid) for pid in file.read().split()]
        except OSError:
            continue
    return found


def send_to(processes: Mapping[int, int], number: int) -> None:
    """Signal processes, by number and when they `began`: what got the number of one that ended meanwhile may belong to
    anybody. On a busy machine numbers come back within seconds."""
    for pid, began in processes.items():
        try:
            fd = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            if sampling.began(pid) == began:
                signal.pidfd_send_signal(fd, number)
        except (ProcessLookupError, PermissionError):
            continue
        finally:
            os.close(fd)


def send(pids: Iterable[int], number: int) -> None:
    """Signal children, whose numbers stay theirs until they are waited for; those that are gone do not matter."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _environment(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            if stat.read().rpartition(b")")[2].split()[0] in (b"Z", b"X"):
                return b""
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read()
    except OSError:
        return b""
