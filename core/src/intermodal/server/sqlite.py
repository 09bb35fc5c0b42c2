"""SQLite files of the data directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event

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
    engine = create_engine(f"sqlite:///{path}", hide_parameters=True)
    tell_trouble(engine, f"the database {path}")

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: Any) -> None:
        if prepare is not None:
            prepare(connection)
        if relaxed:
            connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA busy_timeout = 10000")

    return engine
