"""The server's database: files, or schemas of PostgreSQL."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from intermodal.exception import ConfigError, RemoteError
from intermodal.server.access import Tokens
from intermodal.server.database import open_database
from intermodal.server.postgresql import postgresql_url
from postgres_server import PostgresServer


def test_who_opens_it_at_once_makes_it_once(tmp_path: Path, database_url: str) -> None:
    """A server and commands, for instance: each finds all of its tables."""
    together = threading.Barrier(4, timeout=60)

    def opened() -> Engine:
        together.wait()
        return open_database(tmp_path, database_url)

    with ThreadPoolExecutor(4) as threads:
        for opening in [threads.submit(opened) for _ in range(4)]:
            opening.result().dispose()
    database = open_database(tmp_path, database_url)
    Tokens(database).create("laptop")
    database.dispose()
    assert {path.name for path in tmp_path.iterdir()} <= {"server.db", "server.db-wal", "server.db-shm"}


def test_what_a_newer_version_made_is_left_alone(tmp_path: Path, database_url: str) -> None:
    """And it is said what to do."""
    database = open_database(tmp_path, database_url)
    with database.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    database.dispose()
    with pytest.raises(ConfigError, match="a newer version of intermodal has changed the server's database"):
        open_database(tmp_path, database_url)


@pytest.mark.parametrize(
    "url",
    [
        "hunter2",
        "mysql://joe:hunter2@host/db",
        "postgresql://joe:hunter2@host",
        "postgresql://joe:hunter2@host:port/db",
        "postgresql+asyncpg://joe:hunter2@host/db",
        "sqlite:///hunter2",
    ],
)
def test_what_is_no_url_of_postgresql_is_refused_and_not_shown(tmp_path: Path, url: str) -> None:
    """It may have a password."""
    with pytest.raises(ConfigError, match="INTERMODAL_DATABASE_URL") as caught:
        open_database(tmp_path, url)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_one_that_does_not_answer_is_named_without_its_password(tmp_path: Path) -> None:
    """Nor does anything that the error came from show it."""
    with pytest.raises(RemoteError, match=r"the PostgreSQL database 'db' at 127.0.0.1 cannot be used") as caught:
        open_database(tmp_path, "postgresql://joe:hunter2@127.0.0.1:1/db")
    cause: BaseException | None = caught.value
    while cause is not None:
        assert "hunter2" not in f"{cause!r}{cause}"
        cause = cause.__cause__ or cause.__context__


def test_what_the_url_says_goes_before_our_own_choice() -> None:
    """Of how long to wait, for instance."""
    query = postgresql_url("postgres://joe@host/db?connect_timeout=3&passfile=/etc/pass").query
    assert (query["connect_timeout"], query["passfile"]) == ("3", "/etc/pass")


def test_a_server_that_went_away_is_used_again_when_it_is_back(tmp_path: Path, postgres_server: PostgresServer) -> None:
    """By the same engine; in between there are errors that say so."""
    with postgres_server.database() as url:
        database = open_database(tmp_path, url)
        tokens = Tokens(database)
        token = tokens.create("laptop")
        with postgres_server.out_of_reach(url):
            for _ in range(3):
                with pytest.raises(RemoteError, match="the server goes on by itself when it answers"):
                    tokens.admitted(token)
        assert tokens.admitted(token) == "laptop"
        database.dispose()
