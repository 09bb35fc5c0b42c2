"""Removing what a container or a dead session left behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat

from intermodal_local.runtime import cgroups


class Overrun(Exception):
    """There is more to remove than the budget allows."""


def remove_quickly(path: str, budget: int = 300) -> bool:
    """Remove a small tree here and now; False if it is too large (part of it may be gone then)."""
    try:
        _remove(path, [budget])
    except Overrun:
        return False
    return True


def remove(path: str) -> None:
    """Remove a tree of any size, unreadable directories in it included. Never raises."""
    for _ in range(3):
        shutil.rmtree(path, onerror=_open_up)
        if not os.path.lexists(path):
            return


def reap_leftovers(runs: str) -> None:
    """Remove the directories and cgroups of sessions below `runs` whose supervisor is gone without having done it."""
    for entry in os.scandir(runs):
        try:
            lock = os.open(f"{entry.path}/lock", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove_session(entry.path)
        except BlockingIOError:
            continue
        finally:
            os.close(lock)


def _remove_session(run: str) -> None:
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


def _open_up(function: object, path: str, info: object) -> None:
    for target in (os.path.dirname(path), path):
        try:
            if not os.path.islink(target):
                os.chmod(target, stat.S_IRWXU)
        except OSError:
            continue
