"""Named references in a directory, moved by compare-and-swap under a file lock."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from urllib.parse import quote, unquote

from intermodal.exception import InvalidError
from intermodal.plugins.holding import exclusively
from intermodal.storage.space import needing_space

__all__ = ["RefDirectory", "ref_file", "ref_name"]

_LONGEST = 240  # of a file name, with room for the suffix
_SUFFIX = ".ref"


def ref_file(name: str) -> str:
    """A reference's name as that of a file. Raises `InvalidError` where it is empty or too long."""
    encoded = quote(name, safe="")
    if not name or len(encoded) > _LONGEST:
        raise InvalidError(f"a reference's name has 1 to {_LONGEST} characters once quoted: {name!r:.100}")
    return f"{encoded}{_SUFFIX}"


def ref_name(file: str) -> str:
    """What `ref_file` was told."""
    return unquote(file.removesuffix(_SUFFIX))


class RefDirectory:
    """References under one directory, a file each. Blocking calls, from any thread; several processes may share it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, name: str) -> str | None:
        """The value, or None where there is none."""
        try:
            return self._file(name).read_text("utf-8")
        except FileNotFoundError:
            return None

    def names(self) -> list[str]:
        """All there are now, sorted."""
        if not self._root.is_dir():
            return []
        return sorted(ref_name(path.name) for path in self._root.iterdir() if path.suffix == _SUFFIX)

    def swap(self, name: str, expected: str | None, value: str | None) -> bool:
        """Set `name` to `value` (None: remove it) if it is `expected` now. On disk when this returns True."""
        path = self._file(name)
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with needing_space(self._root), exclusively(self._root / ".lock"):
            if self.read(name) != expected:
                return False
            if value is None:
                path.unlink(missing_ok=True)
            else:
                self._write(path, value)
            self._sync()
            return True

    def _write(self, path: Path, value: str) -> None:
        fd, temporary = tempfile.mkstemp(dir=self._root, prefix=".tmp-")
        try:
            with os.fdopen(fd, "w", encoding="utf-8") as file:
                file.write(value)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise

    def _sync(self) -> None:
        fd = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _file(self, name: str) -> Path:
        return self._root / ref_file(name)
