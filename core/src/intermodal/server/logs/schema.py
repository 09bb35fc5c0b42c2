"""The tables of kept lines, apart from the server's others: they grow as far as they may, and are written always."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Column, Engine, Float, Index, Integer, MetaData, Table

from intermodal.server.database import open_file
from intermodal.server.logs.columns import Printed, Record
from intermodal.server.portable import NUMBER, Name

__all__ = ["BLOCKS", "LINES", "open_logs"]

METADATA = MetaData()
_VERSIONS = Path(__file__).parent / "versions"

#: `text` as it was printed; `record`: where the JSON object in it is found.
LINES = Table(
    "lines",
    METADATA,
    Column("id", NUMBER, primary_key=True),
    Column("at", Float, nullable=False),
    Column("environment", Name, nullable=False),
    Column("app", Name, nullable=False),
    Column("function", Name, nullable=False),
    Column("container", Name, nullable=False),
    Column("call", Name),
    Column("input", Integer),
    Column("stream", Integer, nullable=False),
    Column("level", Integer),
    Column("record", Record),
    Column("text", Printed, nullable=False),
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
    Column("first", NUMBER, primary_key=True),
    Column("last", NUMBER, nullable=False),
    Column("since", Float, nullable=False),
    Column("until", Float, nullable=False),
    Column("size", NUMBER, nullable=False),
)


def open_logs(data_dir: Path, url: str = "") -> Engine:
    """The lines of a data directory, or of the database at `url`. They outlive the death of any process; the last ones
    before a power failure may be missing. Raises as `open_file`."""
    return open_file(data_dir / "logs.db", _VERSIONS, _prepare, url=url, relaxed=True)


def _prepare(connection: Any) -> None:
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute(f"PRAGMA journal_size_limit = {16 << 20}")
