"""Blobs that a client sends, piece by piece, each into a file of its own until it is whole."""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from intermodal.exception import InvalidError

__all__ = ["Arriving"]

_BLOB = re.compile(r"[0-9a-f]{64}")


class Arriving:
    """Of one client. `folder` holds those of all."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = Path(tempfile.mkdtemp(dir=folder))

    @staticmethod
    def clear(folder: Path) -> None:
        """Remove what a server that was killed had there. Before the first client."""
        shutil.rmtree(folder, ignore_errors=True)

    def take(self, blob: str, piece: bytes) -> Path:
        """Append a piece; the file that it has become. Raises `InvalidError`, `OSError`."""
        if _BLOB.fullmatch(blob) is None:
            raise InvalidError(f"{blob!r:.80} is no SHA-256 in hex")
        path = self._folder / blob
        with path.open("ab") as file:
            file.write(piece)
        return path

    def forget(self, blob: str) -> None:
        """It is stored, or of no use."""
        with suppress(FileNotFoundError):
            (self._folder / blob).unlink()

    def close(self) -> None:
        """Remove what never became whole."""
        shutil.rmtree(self._folder, ignore_errors=True)
