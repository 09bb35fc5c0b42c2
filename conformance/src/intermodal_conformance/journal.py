"""The journal: what happened in the process that ran the suite, one JSON record a line, written as it happens.

The verdict is made from it in another process, so that a backend that takes its process down does not take the
verdict along.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["Journal", "read_journal"]

Record = dict[str, Any]


class Journal:
    """Appends records to a file. A record has its kind in "t"."""

    def __init__(self, path: Path) -> None:
        self._file = open(path, "a", encoding="utf-8")  # noqa: SIM115 - it stays open for the run

    def write(self, kind: str, **fields: Any) -> None:
        """Add a record; it is on disk, whole, when this returns."""
        self._file.write(json.dumps({"t": kind, **fields}) + "\n")
        self._file.flush()

    def close(self) -> None:
        """No more records."""
        self._file.close()


def read_journal(path: Path) -> Iterator[Record]:
    """The records so far; a torn last line is left out."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            return
        yield record
