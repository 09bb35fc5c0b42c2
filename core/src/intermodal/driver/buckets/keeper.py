"""A process that keeps one bucket mounted for as long as its standard input is open, and longer while writes are due.

It runs as a file, with the standard library only: `keeper.py DIRECTORY COMMAND...` mounts by running COMMAND, which
shows the bucket at DIRECTORY/files and keeps what is not written yet in DIRECTORY/cache. It prints one line of JSON
when that stands or has failed, and one more at the end. At the end it waits for the writes that are due, unmounts, and
removes DIRECTORY: also when the process that started it was killed, or COMMAND was.

Where an ordinary user runs it, it mounts in namespaces of its own: there that user may.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import time

_READY_S = 60.0
_FLUSH_S = 600.0  # without any file having been written meanwhile
_TRIES = 4  # of one file, after which the bucket is taken for gone
_LOOK_S = 0.02
_GRACE_S = 5.0
_TOLD = 4000  # characters of what the program says
_PR_SET_PDEATHSIG = 1
_MNT_DETACH = 2
_NEWNS, _NEWUSER = 0x00020000, 0x10000000

_FAILED = re.compile(r"failed to upload try #(\d+)")

_libc = ctypes.CDLL(None, use_errno=True)


def mounts_apart() -> bool:
    """Whether only processes that join a keeper's namespaces see what it mounts."""
    return os.geteuid() != 0


class Keeper:
    """One mount."""

    def __init__(self, directory: str, command: list[str]) -> None:
        self._directory = directory
        self._files = os.path.join(directory, "files")
        self._log = os.path.join(directory, "log")
        self._lock = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)  # tells others that somebody looks after it
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        os.mkdir(self._files)
        with open(self._log, "wb") as log:
            self._program = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=_end_with_parent
            )
        signal.signal(signal.SIGCHLD, lambda *_: self._go_on())

    def run(self) -> None:
        """Until standard input ends."""
        error = self._wait_until_mounted()
        _tell({"mounted": error is None, "error": error})
        if error is None:
            self._wait_for_the_end()
            _tell({"unwritten": self._flush(), "error": None if self._lives() else self._said()})
        self._remove()

    def _wait_until_mounted(self) -> str | None:
        deadline = time.monotonic() + _READY_S
        while not os.path.ismount(self._files):
            if not self._lives():
                return self._said() or "the program that mounts it ended"
            if time.monotonic() > deadline:
                return f"it was not mounted within {_READY_S:g} s: {self._said()}"
            time.sleep(_LOOK_S)
        return None

    def _wait_for_the_end(self) -> None:
        """Standard input ends, or the program does; then user code gets errors instead of waiting for ever."""
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            program = os.pidfd_open(self._program.pid)
            selector.register(program, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fd == program:
                        selector.unregister(program)
                        os.close(program)
                    elif not os.read(0, 4096):
                        return

    def _flush(self) -> list[str]:
        """Wait until everything is written; the files that are not."""
        with contextlib.suppress(OSError):
            os.statvfs(self._files)  # what was closed before is known to the program once this is answered
        left, since = self._unwritten(), time.monotonic()
        while left and self._lives() and not self._is_gone() and time.monotonic() - since < _FLUSH_S:
            time.sleep(_LOOK_S)
            now = self._unwritten()
            if len(now) != len(left):
                since = time.monotonic()
            left = now
        return left

    def _is_gone(self) -> bool:
        return any(int(number) >= _TRIES for number in _FAILED.findall(self._said()))

    def _unwritten(self) -> list[str]:
        """Files whose notes in the cache say so."""
        root = os.path.join(self._directory, "cache", "vfsMeta")
        found = []
        for directory, _, names in os.walk(root):
            for name in names:
                with contextlib.suppress(OSError, ValueError), open(os.path.join(directory, name), "rb") as file:
                    if json.load(file).get("Dirty"):
                        # Below the name of the remote: what the bucket would call it.
                        found.append(os.path.relpath(os.path.join(directory, name), root).partition("/")[2])
        return sorted(found)

    def _remove(self) -> None:
        _libc.umount2(self._files.encode(), _MNT_DETACH)
        if self._lives():
            self._program.send_signal(signal.SIGTERM)
            try:
                self._program.wait(_GRACE_S)
            except subprocess.TimeoutExpired:
                self._program.kill()
        self._program.wait()
        shutil.rmtree(self._directory, ignore_errors=True)

    def _go_on(self) -> None:
        """Somebody may have stopped it: then who reads the bucket could not even be killed."""
        self._program.send_signal(signal.SIGCONT)

    def _lives(self) -> bool:
        return self._program.poll() is None

    def _said(self) -> str:
        with open(self._log, errors="replace") as log:
            return log.read()[-_TOLD:]


def _end_with_parent() -> None:
    os.setsid()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _move_apart() -> None:
    """Into namespaces of its own, as their root. Raises `OSError`."""
    uid, gid = os.getuid(), os.getgid()
    if _libc.unshare(_NEWUSER | _NEWNS):
        number = ctypes.get_errno()
        raise OSError(number, f"this user may make no namespaces: {os.strerror(number)}")
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _tell(said: dict[str, object]) -> None:
    with contextlib.suppress(OSError):  # who would read it is gone
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)  # it cleans up then, even where somebody has stopped it
    if mounts_apart():
        try:
            _move_apart()
        except OSError as refused:
            _tell({"mounted": False, "error": str(refused)})
            sys.exit(1)
    Keeper(sys.argv[1], sys.argv[2:]).run()
