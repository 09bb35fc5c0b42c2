"""An `intermodal server` with the backend under test, in a process of its own, and programs that are its clients."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from intermodal_conformance.target import WITNESS, Target
from intermodal_conformance.witness import ASKS

__all__ = ["Client", "Served", "serving"]

#: Seconds for a program, the start of the server, and its end.
_SECONDS = 120.0


class Client:
    """A program that runs at the server."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def value(self) -> Any:
        """What it printed last, as JSON. Raises `AssertionError` with all that it said where it failed."""
        output, errors = self._process.communicate(timeout=_SECONDS)
        assert self._process.returncode == 0, output + errors
        return json.loads(output.splitlines()[-1])


class Served:
    """The server, which may be killed and started again over the same data directory, that of the run.

    Args:
        folder: for files of its clients.
    """

    def __init__(self, target: Target, folder: Path) -> None:
        self._folder = folder
        asks = folder / "asks"
        target.witness.listen_to(asks)
        choice = json.loads(target.choice)
        plugins = [WITNESS, *filter(None, choice["plugins"].split(","))]
        self._command = [
            sys.executable,
            "-m",
            "intermodal.cli",
            "server",
            "--port",
            "0",
            "--backend",
            choice["backend"],
        ]
        self._command += [word for plugin in plugins for word in ("-p", plugin)]
        self._environment = {**os.environ, ASKS: str(asks), "INTERMODAL_DATA_DIR": str(target.data_dir)}
        self._process: subprocess.Popen[str] | None = None
        self.url = ""

    def start(self) -> None:
        """Returns when clients can connect. Raises `AssertionError` with what it said where that does not come."""
        self._process = _started(self._command, self._environment)
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        found = [word for word in said.split() if word.startswith("http://")]
        if not found:
            self._process.kill()
            raise AssertionError(f"the server does not start: {said}{self._process.communicate()[1]}")
        self.url = found[0]

    def kill(self) -> None:
        """Without a word."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As a service manager does. Idempotent."""
        if self._process is not None:
            self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        self._process.communicate(timeout=_SECONDS)
        self._process = None

    def write(self, name: str, source: str) -> Path:
        """A file of a client."""
        path = self._folder / name
        path.write_text(textwrap.dedent(source))
        return path

    def begin(self, source: str) -> Client:
        """Start a program, which prints JSON in the end."""
        path = self.write(f"client-{len(list(self._folder.iterdir()))}.py", source)
        return Client(_started([sys.executable, str(path)], self._client()))

    def run(self, source: str) -> Any:
        """What a program gives."""
        return self.begin(source).value()

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command of `intermodal`, to its end."""
        command = [sys.executable, "-m", "intermodal.cli", *words]
        return subprocess.run(
            command, env=self._client(), capture_output=True, text=True, timeout=_SECONDS, check=False, cwd=self._folder
        )

    def _client(self) -> Mapping[str, str]:
        data = str(self._folder / "client")
        return {**os.environ, "INTERMODAL_SERVER_URL": self.url, "INTERMODAL_DATA_DIR": data}


def _started(command: list[str], environment: Mapping[str, str]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)


@contextlib.contextmanager
def serving(target: Target, folder: Path) -> Iterator[Served]:
    """A server, until the end of the block."""
    served = Served(target, folder)
    served.start()
    try:
        yield served
    finally:
        served.stop()
