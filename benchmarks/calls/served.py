"""A server over a data directory of its own, which may be killed and started again at the same port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

__all__ = ["APP", "Served"]

#: The app that is deployed.
APP = """
import intermodal

app = intermodal.App("calls")

@app.function(max_containers=2)
def square(x):
    return x * x
"""


class Served:
    """Over `directory`. `start` returns when clients can connect."""

    def __init__(self, directory: Path) -> None:
        self.data = directory / "server"
        self._directory = directory
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Where it does not run."""
        words = ["-m", "intermodal.cli", "server", "--port", str(self._port)]
        environment = {**os.environ, "INTERMODAL_DATA_DIR": str(self.data)}
        environment.pop("INTERMODAL_SERVER_URL", None)
        self._process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, text=True, env=environment)
        assert self._process.stdout is not None
        assert "serves at" in self._process.stdout.readline()

    def deploy(self) -> None:
        """The app above."""
        path = self._directory / "calls_app.py"
        path.write_text(APP)
        subprocess.run(
            [sys.executable, "-m", "intermodal.cli", "deploy", str(path)], check=True, stdout=subprocess.DEVNULL
        )

    def kill(self) -> None:
        """With nothing that it could still do."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """As a service manager ends it."""
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.communicate(timeout=120)
            self._process = None
