"""Container engines of a test's own, that may be killed and filled up, or be on another machine as far as a client can
tell: as root, from what is installed.

Each has a network namespace, so that it does not meet this machine's own engine, and its data on a small tmpfs.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from container_engines.api import Api
from container_engines.base_image import CHANGES, IMAGE, make_tarball
from container_engines.packages import find
from container_engines.pid_files import PidFile
from engines_here import ENGINES
from intermodal_docker.engine import Engine
from processes import command_lines

__all__ = ["PrivateEngine", "private_engine", "until"]

_SECONDS = 60
#: As systemd starts a process: its first socket is descriptor 3.
_ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


def until(met: object, what: str, seconds: float = _SECONDS) -> None:
    """Wait until `met()` is true. Raises `AssertionError` naming `what`."""
    assert callable(met)
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.05)


class PrivateEngine:
    """One engine below `root`.

    Args:
        options: of docker's daemon, besides.
        hidden: a directory of this machine that it does not see.
        listener: a socket of this machine that docker's daemon is to serve, too ("--host=fd://").
    """

    def __init__(
        self,
        name: str,
        root: Path,
        options: Sequence[str] = (),
        hidden: Path | None = None,
        listener: socket.socket | None = None,
    ) -> None:
        self.name = name
        self.root = root
        self._options = options
        self._hidden = hidden
        self._listener = listener
        self.socket = root / "engine.sock"
        self.api = Api(self.socket)
        self.log = root / "log"
        self.process: subprocess.Popen[bytes] | None = None
        # Stays where the engine's process comes and goes.
        words = ["unshare", "--net", "sh", "-c", "echo; exec sleep infinity"]
        self._network = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert self._network.stdout is not None
        assert self._network.stdout.readline()

    @property
    def address(self) -> str:
        """As the backend's option `host` has it."""
        return f"unix://{self.socket}"

    @property
    def environment(self) -> dict[str, str]:
        """Of a client that uses it."""
        return {"INTERMODAL_BACKEND": self.name, f"INTERMODAL_{self.name.upper()}_HOST": self.address}

    def connect(self) -> Engine:
        """Its interface, as the backend has it."""
        return ENGINES[self.name](self.address)  # type: ignore[call-arg]

    def start(self) -> None:
        """Start it, and wait until it answers."""
        program = find(self._words()[0])
        assert program is not None
        path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._wrapped([program, *self._words()[1:]]),
                pass_fds=[self._listener.fileno()] if self._listener else (),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "PATH": path},
            )
            begin = log.tell()
        process = self.process
        until(lambda: self.api.why_not() is None or process.poll() is not None, f"{self.name} answers, see {self.log}")
        assert process.poll() is None, f"{self.name} ended: {self.log.read_bytes()[begin:][-3000:].decode()}"

    def end(self, number: int = signal.SIGTERM) -> None:
        """End the daemon, gently or not."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(_SECONDS)
            self.process = None
            # Docker's containerd dies with it: at once where it was killed itself.
            note = PidFile(self.root / "run" / "containerd" / "containerd.pid", "containerd")
            until(lambda: note.remove_if_stale() or not note.path.exists(), "containerd ends")

    def clear(self) -> None:
        """End what is left of it and its containers."""
        if self.api.why_not() is None:
            engine = self.connect()
            for container in engine.containers({"intermodal.owner": ""}):
                engine.remove(container.id)
            engine.close()
        self.end()
        for pid in _processes(self.root):
            os.kill(pid, signal.SIGKILL)
        until(lambda: not _processes(self.root), "its processes end")
        self._network.kill()
        self._network.communicate()

    def _wrapped(self, words: list[str]) -> list[str]:
        """In its network, and where something is hidden in its own view of the files, too."""
        if self._listener is not None:
            words = [sys.executable, "-c", _ACTIVATE, str(self._listener.fileno()), *words]
        if self._hidden is not None:
            hide = f'mount -t tmpfs tmpfs {self._hidden} && exec "$@"'
            words = ["unshare", "--mount", "--propagation=slave", "sh", "-c", hide, "engine", *words]
        return ["nsenter", f"--net=/proc/{self._network.pid}/ns/net", *words]

    def _words(self) -> list[str]:
        root = str(self.root)
        if self.name == "docker":
            words = ["dockerd", f"--host={self.address}", f"--data-root={root}/data", f"--exec-root={root}/run"]
            return [*words, f"--pidfile={root}/pid", *self._options]
        words = ["podman", f"--root={root}/data", f"--runroot={root}/run", f"--tmpdir={root}/tmp"]
        return [*words, "system", "service", "--time=0", self.address]


@contextmanager
def private_engine(name: str, root: Path, mebibytes: int, *more: Any) -> Iterator[PrivateEngine]:
    """An engine with the base image, and so much space for all its data. `root` is an empty directory; `more` is for
    `PrivateEngine`."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(root)], check=True)
    engine = PrivateEngine(name, root, *more)
    try:
        engine.start()
        engine.api.import_image(make_tarball(None), f"docker.io/library/{IMAGE}", list(CHANGES))
        yield engine
    except BaseException:
        print(engine.log.read_text()[-5000:], file=sys.stderr)
        raise
    finally:
        engine.clear()
        for place in _mounts(root):
            subprocess.run(["umount", "--lazy", place], check=True)
        shutil.rmtree(root)


def _mounts(root: Path) -> list[str]:
    """Those at and below, the innermost first."""
    places = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return sorted((place for place in places if f"{place}/".startswith(f"{root}/")), reverse=True)


def _processes(root: Path) -> list[int]:
    return [pid for pid, line in command_lines() if os.fsencode(str(root)) in line and pid != os.getpid()]
