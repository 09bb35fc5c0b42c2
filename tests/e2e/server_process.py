"""Servers that tests start, each over a workplace's data directory."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from workplace import Workplace

__all__ = ["Server", "elsewhere", "serving"]

URL = re.compile(r"serves at (https?://\S+) with the backend local")


class Server:
    """One that runs. `environment` is what its clients need."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.url = url
        self.environment = {"INTERMODAL_SERVER_URL": url}

    def end(self) -> None:
        """As a service manager ends it: with exit code 0, and no word of anything wrong."""
        self.process.send_signal(signal.SIGTERM)
        _, errors = self.process.communicate(timeout=60)
        assert (self.process.returncode, errors) == (0, "")


@contextmanager
def serving(place: Workplace, *options: str, port: int = 0) -> Iterator[Server]:
    """A server at `port` (0: a free one), over the place's data directory."""
    process = place.start("-m", "intermodal.cli", "server", "--port", str(port), *options)
    try:
        assert process.stdout is not None
        found = URL.search(process.stdout.readline())
        assert found is not None, process.communicate(timeout=20)
        yield Server(process, found[1])
    finally:
        process.kill()
        process.communicate()


def elsewhere(server: Server, place: Workplace) -> dict[str, str]:
    """The environment of a client that has nothing of the server's but its URL."""
    return {**server.environment, "INTERMODAL_DATA_DIR": str(place.directory / "client")}
