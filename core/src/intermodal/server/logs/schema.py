"""The file of kept lines, apart from the server's database: it grows as far as it may, and is written all the time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, Float, Index, Integer, LargeBinary, MetaData, String, Table

from intermodal.server.database import open_file

__all__ = ["BLOCKS", "LINES", "open_logs"]

METADATA = MetaData()
_VERSIONS = Path(__file__).parent / "versions"

#: `text` as it was printed, which need not be UTF-8; `record`: where in it a JSON object begins, in bytes.
LINES = Table(
    "lines",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("at", Float, nullable=False),
    Column("environment", String, nullable=False),
    Column("app", String, nullable=False),
    Column("function", String, nullable=False),
    Column("container", String, nullable=False),
    Column("call", String),
    Column("stream", Integer, nullable=False),
    Column("level", Integer),
    Column("record", Integer),
    Column("text", LargeBinary, nullable=False),
    Index("lines_by_app", "environment", "app", "id", "function"),
    Index("lines_by_container", "container"),
    Index("lines_by_call", "call"),
)

#: Lines `first` to `last`, and the span of their times: what a question about time need not look at, and what goes at
#: once. `size`: bytes of text. The newest stays when its lines have gone (`first` is `last` + 1), so that no id is
#: used again.
BLOCKS = Table(
    "blocks",
    METADATA,
    Column("first", Integer, primary_key=True),
    Column("last", Integer, nullable=False),
    Column("since", Float, nullable=False),
    Column("until", Float, nullable=False),
    Column("size", Integer, nullable=False),
)


def open_logs(data_dir: Path) -> Engine:
    """The lines of a data directory. Raises `OSError`, `sqlalchemy.exc.DatabaseError`."""
    return open_file(data_dir / "logs.db", _VERSIONS, _prepare)


def _prepare(connection: Any) -> None:
    """Lines outlive the death of any process; the last ones before a power failure may be missing."""
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {16 << 20}")
