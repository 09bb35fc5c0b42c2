"""A real S3 server in a process of its own, for tests: SeaweedFS."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["ACCESS_KEY", "SECRET_KEY", "running", "server_program"]

ACCESS_KEY, SECRET_KEY = "intermodal-tests", "tests-of-intermodal-secret"

_SECONDS = 120.0
#: Runs a program, and ends it when this process is gone: its standard input is then closed.
_LEASHED = """
import os, signal, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
print(child.pid, flush=True)
sys.stdin.read()
os.killpg(child.pid, signal.SIGKILL)
"""


def server_program() -> str | None:
    """The server, of this environment or on the path."""
    beside = str(Path(sys.executable).parent)
    return shutil.which("weed", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))


@contextlib.contextmanager
def running(program: str, root: Path, answers: Callable[[str], None]) -> Iterator[str]:
    """The server's address, from when `answers`, given it, raises nothing; its data is below `root`.

    Raises `RuntimeError` with what the server said.
    """
    master, volume, filer, s3 = _free_ports(4)
    endpoint = f"http://127.0.0.1:{s3}"
    identity = {
        "name": "tests",
        "credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (root / "s3.json").write_text(json.dumps({"identities": [identity]}))
    command = [
        program,
        "server",
        f"-dir={root}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-master.port={master}",
        "-master.volumeSizeLimitMB=64",
        f"-volume.port={volume}",
        "-volume.max=64",
        "-volume.minFreeSpace=0",
        f"-filer.port={filer}",
        "-s3",
        f"-s3.port={s3}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.config={root / 's3.json'}",
    ]
    log = (root / "log").open("wb")
    with (
        log,
        subprocess.Popen(
            [sys.executable, "-c", _LEASHED, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        ) as leash,
    ):
        assert leash.stdin is not None
        assert leash.stdout is not None
        leash.stdout.readline()
        try:
            _wait(lambda: answers(endpoint), root / "log", leash)
            yield endpoint
        finally:
            leash.stdin.close()
            leash.wait(timeout=_SECONDS)


def _free_ports(count: int) -> list[int]:
    """Ports that are free now, and so are those 10,000 above, which the server takes for itself."""
    with contextlib.ExitStack() as stack:
        found: list[int] = []
        while len(found) < count:
            one = stack.enter_context(socket.socket())
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            with socket.socket() as other:
                try:
                    other.bind(("127.0.0.1", port - 10_000))
                except OSError:
                    continue
            found.append(port - 10_000)
        return found


def _wait(answers: Callable[[], None], log: Path, leash: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            answers()
            return
        except Exception as error:  # noqa: BLE001 - of whatever kind: it is starting
            if leash.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the S3 server did not start: {error}\n{log.read_text()[-3000:]}") from None
            time.sleep(0.1)
