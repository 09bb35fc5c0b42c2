"""A program on a pseudo-terminal, and what a person sees of it."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable

import pyte
from workplace import Workplace

ROWS, COLUMNS = 30, 100


class Terminal:
    """Runs Python with `arguments` in `place` on a terminal of its own. A context manager.

    `screens` has what was on the screen after each piece of output; `text` all that was written, escapes included.
    """

    def __init__(self, place: Workplace, *arguments: str) -> None:
        self.screens: list[list[str]] = []
        self.text = ""
        self._screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._screen)
        self._ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        env = {name: value for name, value in place.environment.items() if name not in ("NO_COLOR", "COLUMNS")}
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=place.directory,
            env={**env, "TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            preexec_fn=_lead,
        )
        os.close(theirs)
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        os.close(self._ours)

    def wait_until(self, met: Callable[[list[str]], object], timeout: float = 60) -> None:
        """Wait for a screen that `met` is true of; it may have passed already."""
        with self._changed:
            seen = self._changed.wait_for(lambda: any(met(screen) for screen in self.screens), timeout)
        assert seen, "the last screen:\n" + "\n".join(self.lines)

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._ours, keys.encode())

    def wait(self, timeout: float = 60) -> int:
        """Wait for the end; the exit code."""
        code = self.process.wait(timeout)
        self._reader.join()
        return code

    @property
    def lines(self) -> list[str]:
        """The screen as it is now, without blank lines."""
        return [line.rstrip() for line in self._screen.display if line.strip()]

    @property
    def shows_cursor(self) -> bool:
        """Whether the cursor is to be seen."""
        return not self._screen.cursor.hidden

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 1 << 16)
            except OSError:  # the last process on the terminal has ended
                return
            if not data:
                return
            self._stream.feed(data)
            with self._changed:
                self.text += data.decode(errors="replace")
                self.screens.append(self.lines)
                self._changed.notify_all()


def _lead() -> None:
    """Make the terminal this process's own, so that Ctrl-C on it reaches the process, and so does its end, whatever the
    tests were started with."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
