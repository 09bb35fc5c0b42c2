"""A program whose containers run on the engine of another machine, as far as it can tell, and that machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from private_engines import PrivateEngine

__all__ = ["Machine", "Program", "read_until"]

SECONDS = 150
APP = """
import os
import time
from pathlib import Path
import intermodal
import beside

app = intermodal.App("elsewhere")
image = intermodal.Image.debian_slim("3.11").add_local_file("shown.txt", "/data/shown.txt")


@app.function(image=image, block_network=True)
def work(x: int) -> int:
    print("at", x, flush=True)
    return beside.double(x)


@app.function(image=image)
def echo(data: bytes) -> tuple[bytes, str]:
    return data, Path("/data/shown.txt").read_text()


@app.function(image=image)
def stuck() -> None:
    print("working", flush=True)
    while True:
        sum(range(10**6))  # without a look at its connection


@app.local_entrypoint()
def main() -> None:
    print("sum", sum(work.map(range(100))))
    large = os.urandom(9 << 20)
    got, shown = echo.remote(large)
    print("same", got == large, shown)


@app.local_entrypoint()
def wait() -> None:
    stuck.remote()
"""


@dataclass
class Program:
    """A project whose app runs elsewhere."""

    folder: Path

    def write(self) -> None:
        """An app, with a module and a file beside it."""
        (self.folder / "app.py").write_text(APP)
        (self.folder / "beside.py").write_text("def double(x: int) -> int:\n    return 2 * x\n")
        (self.folder / "shown.txt").write_text("shown")

    def start(self, entrypoint: str, env: Mapping[str, str]) -> subprocess.Popen[str]:
        """Run it in a process of its own."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("DOCKER_", "CONTAINER_"))}
        data = {"INTERMODAL_DATA_DIR": str(self.data), "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", "intermodal.cli", "run", f"app.py::{entrypoint}"],
            cwd=self.folder,
            env={**clean, **data, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, env: Mapping[str, str], entrypoint: str = "main") -> tuple[int | None, str]:
        """Its exit status, and all that it printed."""
        client = self.start(entrypoint, env)
        try:
            said = client.communicate(timeout=SECONDS)[0]
        finally:
            client.kill()
            client.wait()
        return client.returncode, said

    @property
    def data(self) -> Path:
        """The client's data directory."""
        return self.folder / "data"


def read_until(client: subprocess.Popen[str], word: str) -> str:
    """What it prints, up to the line with `word`."""
    assert client.stdout is not None
    said = ""
    for line in client.stdout:
        said += line
        if word in line:
            return said
    raise AssertionError(f"it ended before {word!r}: {said}")


@dataclass(frozen=True)
class Machine:
    """An engine on another machine: over TLS at `host`, which takes the certificates in `certificates`."""

    engine: PrivateEngine
    host: str
    certificates: Path
    folder: Path
