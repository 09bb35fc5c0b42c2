"""A Redis server of the benchmark's own, on a free port of the loopback interface."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

__all__ = ["installed", "running"]

LIMIT_S = 30


def installed() -> bool:
    """Is there a server to measure against?"""
    return shutil.which("redis-server") is not None


@contextlib.contextmanager
def running(*, durable: bool) -> Iterator[int]:
    """Its port. `durable`: an append-only file, synced once a second; else memory only."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    kept = ["--appendonly", "yes", "--appendfsync", "everysec"] if durable else ["--appendonly", "no"]
    with tempfile.TemporaryDirectory(prefix="bench-redis-", dir="/var/tmp") as directory:
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", directory, *kept]
        server = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            _wait_for(port, server)
            yield port
        finally:
            server.terminate()
            server.wait()


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("redis-server does not answer") from None
            time.sleep(0.05)
