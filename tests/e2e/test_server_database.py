"""A server whose database is PostgreSQL, and one whose disk is full (faults 2, 10)."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from server_process import Server, serving
from workplace import Done, Workplace

from postgres_server import PostgresServer

APP = """
    import intermodal

    app = intermodal.App("shop")


    @app.function(schedule=intermodal.Period(days=1))
    def sell(what: str = "nothing") -> str:
        print(f"sold {what}")
        print("METRIC sold=1")
        return f"sold {what}"
"""
CALL = """
    import sys
    import intermodal
    print(intermodal.Function.from_name("shop", "sell").remote(sys.argv[1]))
"""
SECONDS = 60


class Clients:
    """Of a server, on another data directory."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._environment = {"INTERMODAL_DATA_DIR": str(place.directory / "client"), "INTERMODAL_DATABASE_URL": ""}
        place.write("shop.py", APP)
        place.write("elsewhere/call.py", CALL)

    def use(self, server: Server) -> None:
        """This one from now on."""
        self._environment.update(server.environment)

    def tried(self, *words: str) -> Done:
        """A command."""
        return self._place.intermodal(*words, env=self._environment)

    def command(self, *words: str) -> str:
        """What a command prints that succeeds."""
        done = self.tried(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def sold(self, what: str) -> str:
        """What a call gives."""
        done = self._place.run(str(self._place.directory / "elsewhere" / "call.py"), what, env=self._environment)
        return (done.stdout or done.stderr).strip()

    def rows(self, *words: str) -> list[dict[str, Any]]:
        """What a command lists."""
        found: list[dict[str, Any]] = json.loads(self.command(*words, "--json"))
        return found

    def lines(self) -> list[str]:
        """What the app has printed, as it was kept."""
        shown = self.command("app", "logs", "shop", "--json").splitlines()
        return [text for text in (json.loads(line)["text"] for line in shown) if not text.startswith("METRIC")]


def answer(server: Server, path: str) -> tuple[int, str]:
    """Status code and status of a health endpoint."""
    try:
        with urllib.request.urlopen(server.url + path, timeout=SECONDS) as reply:
            return reply.status, json.load(reply)["status"]
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["status"]


def until(met: Callable[[], bool], what: str) -> None:
    """Wait for it."""
    deadline = time.monotonic() + SECONDS
    while not met():
        assert time.monotonic() < deadline, f"not within {SECONDS} s: {what}"
        time.sleep(0.1)


def said(done: Done) -> str:
    """What a command said in one line that could not do its work."""
    assert done.returncode == 1, done.stdout
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


@pytest.mark.one_user
def test_a_server_on_postgresql_goes_on_after_kill_9(place: Workplace, postgres_server: PostgresServer) -> None:
    """Versions, schedules, runs, tokens and lines are those from before. While the database is away it is not ready,
    refuses what it could not write down, and goes on with calls."""
    clients = Clients(place)
    place.environment["INTERMODAL_DATA_DIR"] = str(place.directory / "server")
    with postgres_server.database() as url:
        place.environment["INTERMODAL_DATABASE_URL"] = url
        with serving(place) as server:
            clients.use(server)
            clients.command("deploy", "shop.py")
            assert clients.sold("a chair") == "sold a chair"
            assert place.intermodal("token", "create", "laptop").returncode == 0
            clients.command("schedule", "run", "shop", "sell")
            until(lambda: clients.lines() == ["sold a chair", "sold nothing"], "both lines are kept")
            runs = clients.rows("schedule", "runs", "shop", "sell")
            server.process.kill()
            server.process.communicate(timeout=SECONDS)
        assert not list((place.directory / "server").glob("*.db"))
        with serving(place) as server:
            clients.use(server)
            assert [row["state"] for row in clients.rows("app", "history", "shop")] == ["live"]
            assert clients.sold("a table") == "sold a table"
            assert [row["call"] for row in clients.rows("schedule", "runs", "shop", "sell")] == [runs[0]["call"]]
            assert "laptop" in place.intermodal("token", "ls").stdout
            until(lambda: clients.lines() == ["sold a chair", "sold nothing", "sold a table"], "all lines are kept")
            with postgres_server.out_of_reach(url):
                until(lambda: answer(server, "/readyz") == (503, "the database does not answer"), "it is not ready")
                assert answer(server, "/healthz") == (200, "ok")
                assert clients.sold("a lamp") == "sold a lamp"
                assert "cannot be used" in said(clients.tried("deploy", "shop.py"))
                stopped = said(clients.tried("app", "stop", "shop"))
                assert "app 'shop' has been stopped, but that could not be written down" in stopped
            until(lambda: answer(server, "/readyz") == (200, "ok"), "it is ready again")
            until(lambda: clients.rows("app", "history", "shop")[0]["state"] == "stopped", "the end is written down")
            server.process.terminate()
            _, errors = server.process.communicate(timeout=SECONDS)
            assert server.process.returncode == 0
            assert "Traceback" not in errors


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small one."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this host does not let root mount")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(path: Path) -> None:
    """Until nothing more fits on its disk."""
    with path.open("wb", buffering=0) as filler:
        for size in (1 << 20, 4096, 1):
            while _taken(filler.fileno(), bytes(size)):
                pass


def _taken(fd: int, data: bytes) -> bool:
    try:
        os.write(fd, data)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
    return True


@pytest.mark.one_user
def test_a_full_disk_refuses_new_work_and_an_app_can_be_stopped(place: Workplace, disk: Path) -> None:
    """Each refusal is a line that says what to do. When there is room again all goes on, and what was stopped
    stays so."""
    clients = Clients(place)
    place.environment["INTERMODAL_DATA_DIR"] = str(disk / "server")
    with serving(place) as server:
        clients.use(server)
        clients.command("deploy", "shop.py")
        assert clients.sold("a chair") == "sold a chair"
        fill(disk / "filler")
        until(lambda: answer(server, "/readyz")[0] == 503, "it is not ready")
        assert "no room left" in answer(server, "/readyz")[1]
        assert answer(server, "/healthz") == (200, "ok")
        assert "no room left" in said(place.intermodal("token", "create", "laptop"))
        assert "no room left" in said(clients.tried("deploy", "shop.py"))
        stopped = clients.tried("app", "stop", "shop")  # the log of SQLite may have room for so little
        assert stopped.returncode == 0 or "has been stopped, but that could not be written down" in said(stopped)
        assert "no app 'shop' is deployed" in clients.sold("a table")
        (disk / "filler").unlink()
        until(lambda: answer(server, "/readyz") == (200, "ok"), "it is ready again")
        until(lambda: clients.rows("app", "history", "shop")[0]["state"] == "stopped", "the end is written down")
        clients.command("deploy", "shop.py")
        assert clients.sold("a lamp") == "sold a lamp"
        clients.command("app", "stop", "shop")
        server.process.terminate()
        _, errors = server.process.communicate(timeout=SECONDS)
        assert server.process.returncode == 0
        assert "Traceback" not in errors, errors
