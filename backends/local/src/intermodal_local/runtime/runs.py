"""The directories of sessions: each is its supervisor's as long as that lives, and anybody's to remove then."""

from __future__ import annotations

import fcntl
import os


def session_directory(runs: str, session: str) -> str:
    """A session's own directory below `runs`, locked for as long as this process lives: whoever can lock it may remove
    it (`cleanup.reap_leftovers`).
    """
    os.makedirs(runs, exist_ok=True)
    fresh, place = f"{runs}/.new-{session}", f"{runs}/{session}"
    while True:
        os.makedirs(f"{fresh}/stacks")
        os.mkdir(f"{fresh}/c")
        lock = os.open(f"{fresh}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            os.rename(fresh, place)
            return place
        except FileNotFoundError:  # who removes what dead sessions left could lock it first, and has removed it
            os.close(lock)
