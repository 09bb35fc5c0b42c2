"""What is told of volumes and of the files in them."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

__all__ = ["VolumeEntry", "VolumeEntryType", "VolumeInfo", "entry_of"]


class VolumeEntryType(enum.Enum):
    """What a path is."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "link"


@dataclass(frozen=True)
class VolumeEntry:
    """One path of a volume. `path` is relative to the volume; `size` is in bytes, 0 for all but files; `mtime` is in
    Unix seconds; `mode` has the permission bits."""

    path: str
    type: VolumeEntryType
    size: int
    mtime: int
    mode: int

    def is_dir(self) -> bool:
        """Whether it is a directory."""
        return self.type is VolumeEntryType.DIRECTORY


@dataclass(frozen=True)
class VolumeInfo:
    """One named volume; `created` is in Unix seconds."""

    name: str
    id: str
    created: float

    @property
    def created_at(self) -> datetime:
        """When it was made, in UTC."""
        return datetime.fromtimestamp(self.created, timezone.utc)


def entry_of(row: Sequence[Any]) -> VolumeEntry:
    """From a row of the answer to `volume.list`."""
    path, kind, size, mode, mtime = row
    return VolumeEntry(path, VolumeEntryType(kind), size, mtime // 10**9, mode)
