"""SQLite files of the data directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError

from intermodal.exception import RemoteError
from intermodal.server.trouble import tell_trouble

__all__ = ["sqlite_engine"]


def sqlite_engine(path: Path, prepare: Callable[[Any], None] | None, *, relaxed: bool) -> Engine:
    """Of one file, made where there is none. Raises `OSError`.

    Args:
        prepare: called with each new connection of the driver, before anything else is done with it.
        relaxed: the last transactions before a power failure may be missing.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    # A file that is gone is not made again: what is read from an empty one would be wrong.
    url = URL.create("sqlite", database=f"file:{quote(str(path))}", query={"mode": "rw", "uri": "true"})
    engine = create_engine(url, hide_parameters=True)
    tell_trouble(engine, f"the database {path}")

    @event.listens_for(engine, "connect")
    def connect(connection: Any, record: Any) -> None:
        record.info["file"] = _file_at(path)
        if prepare is not None:
            prepare(connection)
        if relaxed:
            connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA busy_timeout = 10000")

    @event.listens_for(engine, "checkout")
    def checkout(_connection: Any, record: Any, _proxy: Any) -> None:
        # SQLite itself would go on with a file that nobody finds any more.
        if record.info["file"] != _file_at(path):
            raise DisconnectionError

    return engine


def _file_at(path: Path) -> tuple[int, int]:
    try:
        there = path.stat()
    except OSError as error:
        raise RemoteError(
            f"the database {path} is not there ({error.strerror}): bring the data directory back as it was, with its "
            "disk mounted, or end the server and start it over another one"
        ) from None
    return there.st_dev, there.st_ino
