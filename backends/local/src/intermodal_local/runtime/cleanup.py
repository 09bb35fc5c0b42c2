"""Removing what a container or a dead session left behind."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys

from intermodal_local.runtime import advice, cgroups, hunting, userns

_REAPER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reaper_main.py")


class Overrun(Exception):
    """There is more to remove than the budget allows."""


def remove_quickly(path: str, budget: int = 300) -> bool:
    """Remove a small tree here and now; False if it is too large or others own parts (some may be gone then)."""
    try:
        _remove(path, [budget])
    except (Overrun, PermissionError):
        return False
    return True


def remove(path: str) -> None:
    """Remove a tree of any size and depth, unreadable directories in it and what belongs to an ordinary user's
    subordinate ids included. Never raises.
    """
    remove_own(path)
    if os.path.lexists(path) and not advice.privileged() and userns.available():
        subprocess.run([sys.executable, "-I", "-S", _REAPER, path], check=False, capture_output=True)


def remove_own(path: str) -> None:
    """The same for what this process may remove as it is."""
    try:
        _remove(path, [sys.maxsize])
    except (OSError, RecursionError):
        for command in (["chmod", "-R", "u+rwX", path], ["rm", "-rf", path]):
            subprocess.run(command, check=False, capture_output=True)


def reap_leftovers(runs: str) -> None:
    """Remove the directories and cgroups of sessions below `runs` whose supervisor is gone without having done it."""
    for entry in os.scandir(runs):
        try:
            lock = os.open(f"{entry.path}/lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:  # a removal that was cut short: a new session's directory appears with its lock
            if not entry.name.startswith("."):
                remove(entry.path)
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove_session(entry.path)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)


def _remove_session(run: str) -> None:
    hunting.kill_session(os.path.basename(run))
    cleared = True
    try:
        with open(f"{run}/cgroups") as file:
            for path in file.read().split("\n"):
                cleared = (not path or cgroups.remove_tree(path)) and cleared
    except FileNotFoundError:
        pass
    if cleared:
        remove(run)


def _remove(path: str, budget: list[int]) -> None:
    try:
        entries = list(os.scandir(path))
    except PermissionError:
        os.chmod(path, stat.S_IRWXU)
        entries = list(os.scandir(path))
    except FileNotFoundError:
        return
    budget[0] -= len(entries)
    if budget[0] < 0:
        raise Overrun
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            _remove(entry.path, budget)
        else:
            os.unlink(entry.path)
    os.rmdir(path)
