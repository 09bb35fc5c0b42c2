"""What a server says of itself to who starts it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from starlette.requests import Request

from intermodal.server import health as health_module
from intermodal.server.calls import open_calls
from intermodal.server.database import open_database
from intermodal.server.health import health_routes


def asked(endpoint: object) -> tuple[int, str]:
    answer = asyncio.run(endpoint(Request({"type": "http"})))  # type: ignore[operator]
    return answer.status_code, json.loads(answer.body)["status"]


def test_a_server_without_its_database_is_alive_and_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is again when the database answers."""
    database = open_database(tmp_path)
    monkeypatch.setattr(health_module, "_FRESH_S", 0.0)
    health, ready = (route.endpoint for route in health_routes([database], tmp_path))
    assert asked(ready) == (200, "ok")
    database.dispose()
    path = tmp_path / "server.db"
    content = path.read_bytes()
    for left in tmp_path.glob("server.db-*"):
        left.unlink()
    path.write_bytes(b"no database at all" * 100)
    assert asked(ready) == (503, "the database does not answer")
    assert asked(health) == (200, "ok")
    database.dispose()
    path.write_bytes(content)
    assert asked(ready) == (200, "ok")
    gone = path.rename(tmp_path / "elsewhere.db")
    assert asked(ready) == (503, "the database does not answer")
    gone.rename(path)
    assert asked(ready) == (200, "ok")
    database.dispose()


def test_a_server_that_cannot_keep_calls_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else it could write down."""
    database, calls = open_database(tmp_path), open_calls(tmp_path)
    monkeypatch.setattr(health_module, "_FRESH_S", 0.0)
    _, ready = (route.endpoint for route in health_routes([database, calls], tmp_path))
    assert asked(ready) == (200, "ok")
    calls.dispose()
    (tmp_path / "calls.db").rename(tmp_path / "elsewhere.db")
    assert asked(ready) == (503, "the database does not answer")
    database.dispose()
    calls.dispose()
