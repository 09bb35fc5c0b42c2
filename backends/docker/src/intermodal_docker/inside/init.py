"""Process 1 of a container: starts the guest, reaps, starts further programs, and ends all when its launcher is gone.

usage: python3 init.py [bare] door TOKEN
       python3 init.py [bare] attached '{"/path/of/a/file": "/path/where/it/is"}' TOKEN

It connects to the launcher, by the socket beside this file or by its own standard streams, shows the token, and takes
orders from there: `run` with the guest's stream, output and error, unless it is `bare`; `exec`, `signal`, `leave`. When
it ends, the kernel ends all else in the container.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from messages import Reader, SocketLine, send  # type: ignore[import-not-found, unused-ignore]
from programs import end_others, kill, reset_signals, start  # type: ignore[import-not-found, unused-ignore]
from watch import Watch  # type: ignore[import-not-found, unused-ignore]

GUEST = "/opt/intermodal/guest"
#: Exit codes: the launcher cannot be reached, or went away; it asked for the end.
UNREACHABLE, LOST = 71, 70
#: Memory that a container lacks is taken from the guest and what it started, not from this process.
_OOM_SCORE = b"200"
_CGROUP = "/sys/fs/cgroup"
_OURS = ("messages", "programs", "relay", "watch")


class Init:
    """Process 1. `line` is the connection to the launcher."""

    def __init__(self, watch: Any, line: Any) -> None:
        self._watch = watch
        self._line = line
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
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # of process 1 the kernel keeps it away
        self._watch.add_reader(woken, self._woken, woken)
        self._line.listen(self._obey, _lost)
        while True:
            self._watch.once()

    def _woken(self, fd: int) -> None:
        os.read(fd, 4096)
        self._reap()

    def _obey(self, order: Any, fds: list[int]) -> None:
        kind = order["t"]
        if kind == "run":
            self._run(order, fds)
        elif kind == "hold":
            self._held = fds
        elif kind == "exec":
            self._exec(order, fds)
        elif kind == "signal":
            self._signal(order["n"], order["signal"])
        elif kind == "leave":
            self._leave()

    def _run(self, order: Any, fds: list[int]) -> None:
        streams, self._held = fds[:3], fds[3:]
        self._kills = memory_kills()
        self._guest = os.fork()
        if not self._guest:
            foreign = [*self._line.descriptors(), *self._held]
            be_guest(order["path"], streams, foreign, shared_memory=self._line.local)
        for fd in streams:
            os.close(fd)
        null = os.open(os.devnull, os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(null, fd)  # whoever attached to this container has heard all
        os.close(null)

    def _exec(self, order: Any, fds: list[int]) -> None:
        number = order["n"]
        try:
            pid, master = start(order, fds)
        except OSError as error:
            self._tell({"t": "failed", "n": number, "error": f"cannot run {order['argv'][0]}: {error.strerror}"})
            return
        self._programs[pid] = number
        if master is not None:
            self._tell({"t": "terminal", "n": number, "fds": 1}, [master])
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
        self._finish({"code": code, "killed": killed, "oom": oom, "peak": memory_peak() if oom else 0}, code)

    def _leave(self) -> None:
        """The launcher wants the end, and what was printed until then."""
        self._finish({"code": 128 + signal.SIGKILL, "killed": True, "oom": False, "peak": 0}, LOST)

    def _finish(self, how: dict[str, Any], code: int) -> NoReturn:
        """Tell how it ended, once all but this process is gone, and what it held for the launcher is free."""
        gone = end_others()
        for fd in self._held:
            os.close(fd)
        self._tell({"t": "ended", **how, "gone": gone})
        self._line.settle()
        os._exit(code)

    def _forward(self, which: int) -> None:
        if self._guest:
            os.kill(self._guest, which)

    def _tell(self, message: Any, fds: Sequence[int] = ()) -> None:
        try:
            self._line.tell(message, fds)
        except OSError:
            os._exit(LOST)


def be_guest(python_path: list[str], streams: list[int], foreign: list[int], *, shared_memory: bool) -> None:
    """Be the guest, in a fork; never returns."""
    code = 1
    try:
        for name in _OURS:  # the user may have modules of these names
            sys.modules.pop(name, None)
        reset_signals()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.setsid()
        stream, out, err = streams
        os.dup2(out, 1)
        os.dup2(err, 2)
        for fd in (out, err, *foreign):
            os.close(fd)
        spare_process_1()
        from intermodal.guest import main

        sys.argv = [GUEST]
        code = main(socket.socket(fileno=stream), python_path, shared_memory)
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


def show(files: dict[str, str]) -> None:
    """Have files be elsewhere, too: paths by the paths where they are to be."""
    for target, source in files.items():
        try:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if os.path.lexists(target) and not os.path.isdir(target):
                os.unlink(target)
            os.symlink(source, target)
        except OSError as error:
            sys.exit(f"intermodal: {target} cannot be shown in this container: {error}")


def open_door(watch: Any, token: str) -> Any:
    """The line by the socket beside this file."""
    here = os.path.dirname(os.path.abspath(__file__))
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.connect(os.path.join(here, "door"))
    except OSError as error:
        print(f"intermodal: this container cannot reach its launcher through {here}/door: {error}", file=sys.stderr)
        sys.exit(UNREACHABLE)
    send(sock, {"t": "hello", "token": token})
    return SocketLine(watch, Reader(sock))


def attach(watch: Any, token: str) -> Any:
    """The line by this process's standard input and output, which are nobody else's from now on."""
    from relay import PipeWire, Relay, greeting  # type: ignore[import-not-found, unused-ignore]

    wire = PipeWire(os.dup(0), os.dup(1))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    wire.greet(greeting(token))
    return Relay(watch, wire, 1)


def main(*words: str) -> None:
    """Connect, warm up, serve."""
    if sys.version_info < (3, 10):  # noqa: UP036 - an image has whatever it has
        version = ".".join(map(str, sys.version_info[:3]))
        sys.exit(f"intermodal: the Python of this image is {version}, and containers need 3.10 or newer")
    bare = words[0] == "bare"
    way, *rest = words[bare:]
    watch = Watch()
    if way == "attached":
        show(json.loads(rest[0]))
        line = attach(watch, rest[1])
    else:
        line = open_door(watch, rest[0])
    if not bare and os.path.isdir(GUEST):  # a container without one is for other programs
        sys.path[0] = GUEST
        from intermodal.guest import preload

        preload()
    Init(watch, line).serve()


def _lost() -> NoReturn:
    os._exit(LOST)


if __name__ == "__main__":
    main(*sys.argv[1:])
