"""The part of the engines' HTTP interface that is needed here. Docker and Podman answer it alike."""

from __future__ import annotations

import http.client
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from container_engines.failure import Failure

__all__ = ["Api", "ApiImage"]

_VERSION = "/v1.41"


@dataclass(frozen=True)
class ApiImage:
    """An image that an engine has."""

    id: str
    labels: dict[str, str]


class Api:
    """An engine behind a unix socket."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def why_not(self) -> str | None:
        """None if the engine answers, else the reason that it does not."""
        try:
            status, _ = self._ask("GET", "/_ping", timeout=10)
        except FileNotFoundError:
            return f"there is no {self.path}"
        except ConnectionRefusedError:
            return f"nothing listens at {self.path}"
        except PermissionError:
            return f"you may not use {self.path}"
        except (OSError, http.client.HTTPException) as error:
            return f"no answer at {self.path}: {error}"
        return None if status == 200 else f"{self.path} answers with status {status}"

    def version(self) -> str:
        """The engine's own version."""
        return str(self._json("/version")["Version"])

    def info(self) -> dict[str, Any]:
        """What the engine says of itself."""
        return self._json(f"{_VERSION}/info")

    def image(self, name: str) -> ApiImage | None:
        """The image called so, if the engine has it."""
        status, body = self._ask("GET", f"{_VERSION}/images/{name}/json")
        if status == 404:
            return None
        found = json.loads(self._good(status, body))
        return ApiImage(found["Id"].removeprefix("sha256:"), (found.get("Config") or {}).get("Labels") or {})

    def import_image(self, tarball: Path, name: str, changes: list[str]) -> None:
        """Make an image of a root file system's archive. `changes`: as lines of a Dockerfile."""
        # The tag stands in `repo`, as podman 4 does not look at `tag`.
        query = [("fromSrc", "-"), ("repo", name), *(("changes", change) for change in changes)]
        with tarball.open("rb") as file:
            headers = {"Content-Type": "application/x-tar", "Content-Length": str(tarball.stat().st_size)}
            target = f"{_VERSION}/images/create?{urlencode(query)}"
            status, body = self._ask("POST", target, body=file, headers=headers, timeout=600)
        self._good(status, body)
        for line in body.splitlines():  # status 200 is sent before the work is done
            if line.strip() and "error" in (report := json.loads(line)):
                raise Failure(f"{self.path} could not import {tarball}: {report['error']}")

    def _json(self, target: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._good(*self._ask("GET", target)))
        return found

    def _good(self, status: int, body: bytes) -> bytes:
        if status >= 400:
            raise Failure(f"{self.path} answers with status {status}: {body.decode(errors='replace').strip()}")
        return body

    def _ask(
        self, method: str, target: str, *, body: Any = None, headers: dict[str, str] | None = None, timeout: float = 60
    ) -> tuple[int, bytes]:
        connection = _UnixConnection(self.path, timeout)
        try:
            connection.request(method, target, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
