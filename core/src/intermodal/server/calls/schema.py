"""The database of detached calls, apart from the server's: every call writes to it, and waits for its disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, Float, Integer, LargeBinary, MetaData, Table

from intermodal.server.database import open_file
from intermodal.server.portable import NUMBER, Name, Words

__all__ = ["CALLS", "OUTPUTS", "open_calls"]

METADATA = MetaData()
_VERSIONS = Path(__file__).parent / "versions"

#: Calls in order of acceptance. `request` is what is to be run, as a frame (`request.packed`), and `digest` tells it
#: from others; `ended` is when the last output was recorded, `expired` when all but this row was removed; the counts
#: hold from the end on. `size`: bytes of request and outputs. Times in Unix seconds.
CALLS = Table(
    "calls",
    METADATA,
    Column("number", NUMBER, primary_key=True),
    Column("id", Name, nullable=False, unique=True),
    Column("environment", Name, nullable=False),
    Column("app", Name, nullable=False),
    Column("function", Name, nullable=False),
    Column("method", Name, nullable=False),
    Column("options", Words, nullable=False),
    Column("parent", Name),
    Column("inputs", Integer, nullable=False),
    Column("digest", Name, nullable=False),
    Column("created", Float(53), nullable=False),
    Column("ended", Float(53)),
    Column("expired", Float(53)),
    Column("succeeded", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("cancelled", Integer, nullable=False),
    Column("size", NUMBER, nullable=False),
    Column("request", LargeBinary, nullable=False),
)

#: The one recorded output of each input: the key is what makes it one. `call` is the call's number.
OUTPUTS = Table(
    "outputs",
    METADATA,
    Column("call", NUMBER, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("status", Integer, nullable=False),
    Column("at", Float(53), nullable=False),
    Column("payload", LargeBinary, nullable=False),
)


def open_calls(data_dir: Path, url: str = "") -> Engine:
    """The calls of a data directory, or of the database at `url`. What was committed is on the disk, also after a power
    failure (deploy.durable). Raises as `open_file`."""
    return open_file(data_dir / "calls.db", _VERSIONS, _prepare, url=url)


def _prepare(connection: Any) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA journal_size_limit = {16 << 20}")
