"""One server for each PostgreSQL database."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from intermodal.exception import ConfigError
from intermodal.server import holding as module
from intermodal.server.database import open_database
from intermodal.server.holding import holding
from postgres_server import PostgresServer

SECONDS = 60


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    with postgres_server.database() as made:
        yield made


@contextmanager
def opened(directory: Path, url: str) -> Iterator[Engine]:
    database = open_database(directory, url)
    yield database
    database.dispose()


def never(error: Exception) -> None:
    raise AssertionError(error)


def cut(database: Engine, name: str) -> None:
    """As a network does that fails: who is called that loses its connection."""
    cutting = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = :name"
    with database.begin() as connection:
        connection.execute(text(cutting), {"name": name})


def test_a_second_server_is_told_where_the_first_is(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And may begin when that has ended."""
    monkeypatch.setattr(module, "_GOING_S", 0.0)
    with opened(tmp_path, url) as database:
        with holding(database, never) as note:
            note("http://127.0.0.1:8700")
            with (
                pytest.raises(
                    ConfigError, match=r"another server \(intermodal at http://127.0.0.1:8700\): end that one"
                ),
                holding(database, never),
            ):
                pass
        with holding(database, never):
            pass


def test_a_server_that_lost_its_database_to_another_hears_of_it(tmp_path: Path, url: str) -> None:
    """When its connection broke and the other was waiting."""
    lost: queue.SimpleQueue[Exception] = queue.SimpleQueue()
    took, done = threading.Event(), threading.Event()

    def other() -> None:
        with opened(tmp_path, url) as mine, holding(mine, never) as note:
            note("http://other")
            took.set()
            assert done.wait(SECONDS)

    with opened(tmp_path, url) as database, holding(database, lost.put) as note:
        note("http://127.0.0.1:8700")
        thread = threading.Thread(target=other)
        thread.start()
        cutter = open_database(tmp_path, url)
        while not took.is_set():
            cut(cutter, "intermodal at http://127.0.0.1:8700")
            took.wait(0.5)
        cutter.dispose()
        assert "another server (intermodal at http://other)" in str(lost.get(timeout=SECONDS))
        done.set()
        thread.join(SECONDS)


def test_a_server_whose_database_was_away_holds_it_again(
    tmp_path: Path, url: str, postgres_server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    """By itself."""
    back = threading.Event()

    class Heard(module.logging.Handler):
        def emit(self, record: module.logging.LogRecord) -> None:
            if "answers again" in record.getMessage():
                back.set()

    handler = Heard()
    module._log.addHandler(handler)
    try:
        with opened(tmp_path, url) as database, holding(database, never) as note:
            note("http://127.0.0.1:8700")
            with postgres_server.out_of_reach(url):
                pass
            assert back.wait(SECONDS)
            with database.connect() as connection:
                locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = :lock"
                assert connection.execute(text(locks), {"lock": module._LOCK}).scalar() == 1
    finally:
        module._log.removeHandler(handler)
    assert "the database is out of reach" in caplog.text
