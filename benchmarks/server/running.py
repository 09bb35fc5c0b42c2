"""A server of the benchmark's own, uvicorn beside it, and deploys."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

__all__ = ["deploy", "memory_mib", "server", "uvicorn"]

_HERE = Path(__file__).parent
_LIMIT_S = 60


@contextlib.contextmanager
def server() -> Iterator[tuple[str, int]]:
    """Its URL and process."""
    command = [sys.executable, "-m", "intermodal.cli", "server", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split(" at ")[1].split()[0], process.pid
        finally:
            process.terminate()


@contextlib.contextmanager
def uvicorn() -> Iterator[str]:
    """One worker with the app of `hello.py`; its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    words = ["server.hello:web", "--port", str(port), "--no-access-log", "--log-level", "warning"]
    with subprocess.Popen([sys.executable, "-m", "uvicorn", *words], cwd=_HERE.parent) as process:
        try:
            deadline = time.monotonic() + _LIMIT_S
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                except OSError:
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def deploy(url: str, *, broken: bool = False) -> bool:
    """A new version of `site_app.py`; whether it went live."""
    env = {**os.environ, "INTERMODAL_SERVER_URL": url, "BENCH_BREAK": "1" if broken else ""}
    command = [sys.executable, "-m", "intermodal.cli", "deploy", str(_HERE / "site_app.py")]
    return subprocess.run(command, env=env, cwd=_HERE.parent, capture_output=True, check=False).returncode == 0


def memory_mib(pid: int) -> float:
    """What a process has in memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024
