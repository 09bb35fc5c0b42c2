"""Process 1 of a container: starts the guest, reaps, starts further programs, and ends all when its launcher is gone.

usage: python3 init.py TOKEN

It connects to the launcher's socket beside this file, shows the token, and takes orders from there: `run` with the
guest's stream, output and error; `exec`, `signal`. When it ends, the kernel ends all else in the container.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

from messages import Reader, send  # type: ignore[import-not-found, unused-ignore]
from programs import kill, reset_signals, start  # type: ignore[import-not-found, unused-ignore]

GUEST = "/opt/intermodal/guest"
#: Exit codes: the launcher cannot be reached, or went away; it asked for the end.
UNREACHABLE, LOST = 71, 70
#: Memory that a container lacks is taken from the guest and what it started, not from this process.
_OOM_SCORE = b"200"
_CGROUP = "/sys/fs/cgroup"


class Init:
    """Process 1. `life` is the connection to the launcher."""

    def __init__(self, life: socket.socket) -> None:
        self._life = life
        self._reader = Reader(life)
        self._guest = 0
        self._kills = 0
        self._programs: dict[int, int] = {}
        self._held: list[int] = []

    def serve(self) -> None:
        """Take orders, and reap, for ever."""
        woken, wakes = os.pipe()
        os.set_blocking(woken, False)
        os.set_blocking(wakes, False)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self._forward(signal.SIGTERM))
        poll = select.poll()
        poll.register(woken, select.POLLIN)
        poll.register(self._life, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == woken:
                    os.read(woken, 4096)
                    self._reap()
                else:
                    self._obey()

    def _obey(self) -> None:
        try:
            orders = self._reader.read()
        except ConnectionError:
            orders = None
        if orders is None:
            os._exit(LOST)
        for order in orders:
            if order["t"] == "run":
                self._run(order)
            elif order["t"] == "hold":
                self._held = self._reader.take(order["fds"])
            elif order["t"] == "exec":
                self._exec(order)
            elif order["t"] == "signal":
                self._signal(order["n"], order["signal"])

    def _run(self, order: Any) -> None:
        fds = self._reader.take(order["fds"])
        streams, self._held = fds[:3], fds[3:]
        self._kills = memory_kills()
        self._guest = os.fork()
        if not self._guest:
            be_guest(order["path"], streams, [self._life.fileno(), *self._held])
        for fd in streams:
            os.close(fd)
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)  # whoever attached to this container has heard all
        os.close(null)

    def _exec(self, order: Any) -> None:
        number = order["n"]
        try:
            pid, master = start(order, self._reader.take(order["fds"]))
        except OSError as error:
            self._tell({"t": "failed", "n": number, "error": f"cannot run {order['argv'][0]}: {error.strerror}"})
            return
        self._programs[pid] = number
        if master is not None:
            self._tell({"t": "terminal", "n": number}, [master])
            os.close(master)

    def _signal(self, wanted: int, which: int) -> None:
        for pid, number in self._programs.items():
            if number == wanted:
                kill(pid, which)  # not reaped yet, so it is nobody else's

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
            if pid == self._guest:
                self._end(code, killed=os.WIFSIGNALED(status))
            elif pid in self._programs:
                self._tell({"t": "exited", "n": self._programs.pop(pid), "code": code})

    def _end(self, code: int, *, killed: bool) -> None:
        """The guest has ended, and so does the container."""
        oom = killed and memory_kills() > self._kills
        self._tell({"t": "ended", "code": code, "killed": killed, "oom": oom, "peak": memory_peak() if oom else 0})
        os._exit(code)

    def _forward(self, which: int) -> None:
        if self._guest:
            os.kill(self._guest, which)

    def _tell(self, message: Any, fds: Sequence[int] = ()) -> None:
        try:
            send(self._life, message, fds)
        except OSError:
            os._exit(LOST)


def be_guest(python_path: list[str], streams: list[int], foreign: list[int]) -> None:
    """Be the guest, in a fork; never returns."""
    code = 1
    try:
        reset_signals()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        os.setsid()
        stream, out, err = streams
        os.dup2(out, 1)
        os.dup2(err, 2)
        for fd in (out, err, *foreign):
            os.close(fd)
        spare_process_1()
        from intermodal.guest import main

        sys.argv = [GUEST]
        code = main(socket.socket(fileno=stream), python_path)
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 - whatever ends user code becomes an exit code, its traceback the last output
        sys.excepthook(*sys.exc_info())
    finally:
        for text in (sys.stdout, sys.stderr):
            try:
                text.flush()
            except (OSError, ValueError, AttributeError):
                continue
        os._exit(code & 0xFF)


def spare_process_1() -> None:
    """Where memory is short, this process goes first."""
    try:
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
            file.write(_OOM_SCORE)
    except OSError:
        pass


def memory_kills() -> int:
    """How many processes of this container the kernel has killed for its memory limit."""
    for path in (f"{_CGROUP}/memory.events", f"{_CGROUP}/memory/memory.oom_control"):
        try:
            with open(path) as file:
                for line in file:
                    if line.startswith("oom_kill "):
                        return int(line.split()[1])
        except OSError:
            continue
    return 0


def memory_peak() -> int:
    """The most memory that this container had, in bytes; 0 where nobody knows."""
    for path in (f"{_CGROUP}/memory.peak", f"{_CGROUP}/memory/memory.max_usage_in_bytes"):
        try:
            with open(path) as file:
                return int(file.read())
        except (OSError, ValueError):
            continue
    return 0


def main(token: str) -> None:
    """Connect, warm up, serve."""
    if sys.version_info < (3, 10):  # noqa: UP036 - an image has whatever it has
        version = ".".join(map(str, sys.version_info[:3]))
        sys.exit(f"intermodal: the Python of this image is {version}, and containers need 3.10 or newer")
    here = os.path.dirname(os.path.abspath(__file__))
    life = socket.socket(socket.AF_UNIX)
    try:
        life.connect(os.path.join(here, "door"))
    except OSError as error:
        sys.exit(f"intermodal: this container cannot reach its launcher through {here}/door: {error}")
    send(life, {"t": "hello", "token": token})
    sys.path[0] = GUEST
    from intermodal.guest import preload

    preload()
    Init(life).serve()


if __name__ == "__main__":
    main(sys.argv[1])
