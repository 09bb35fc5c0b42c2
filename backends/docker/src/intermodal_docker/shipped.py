"""Parcels in an engine's volumes: kept while a session of this machine uses them, listed, and removed in the end.

A volume is good once a note in the data directory, which is called as the parcel and has the volume's name, says so, as
its sending may have been cut short. Volumes of others, who may have put anything into them, are never used.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from intermodal.plugins import ImageInfo
from intermodal.plugins.holding import exclusively
from intermodal_docker.engine import Engine, EngineBusy, VolumeDetails
from intermodal_docker.session import left_volumes, session_lives
from intermodal_docker.uses import Uses

__all__ = ["PARCEL", "Shipped", "parcel_notes"]

#: The label that has a parcel's key.
PARCEL = "intermodal.parcel"


def parcel_notes(engine: Engine, data_dir: Path) -> Path:
    """The directory of notes about one engine."""
    return data_dir / engine.name / "parcels" / hashlib.sha256(engine.address.encode()).hexdigest()[:16]


class Shipped:
    """The parcels that an engine has of this machine, user and data directory. Its methods block."""

    def __init__(self, engine: Engine, data_dir: Path) -> None:
        self._engine, self._data_dir = engine, data_dir
        self._notes = parcel_notes(engine, data_dir)
        self._uses = Uses(self._notes)

    def infos(self, sizes: Mapping[str, int]) -> list[ImageInfo]:
        """All of them. `sizes`: in bytes, by volume."""
        return [
            ImageInfo(
                id=key,
                title="files of containers",
                size=sizes.get(name, 0),
                created=details.created,
                used=self._used(name, key, details),
                in_use=self._is_used(name, key, details),
            )
            for name, key, details in self._volumes()
        ]

    def prune(self, sizes: Mapping[str, int], *, older_than_s: float) -> list[ImageInfo]:
        """Remove those that nobody uses or has used for so long, and what was never whole; what was removed."""
        self._notes.mkdir(parents=True, exist_ok=True)
        infos = {info.id: info for info in self.infos(sizes)}
        return [infos[key] for name, key, details in self._volumes() if self._remove(name, key, details, older_than_s)]

    def _volumes(self) -> Iterator[tuple[str, str, VolumeDetails]]:
        for name, details in left_volumes(self._engine, self._data_dir).items():
            if PARCEL in details.labels:
                yield name, details.labels[PARCEL], details

    def _remove(self, name: str, key: str, details: VolumeDetails, older_than_s: float) -> bool:
        with contextlib.suppress(EngineBusy), exclusively(self._notes / f"{key}.lock"):
            if self._is_used(name, key, details):
                return False
            if self._is_whole(name, key):
                if self._used(name, key, details) >= time.time() - older_than_s:
                    return False
                self._engine.remove_volume(name)
                self._uses.forget(key)
            else:
                self._engine.remove_volume(name)
            return True
        return False

    def _used(self, name: str, key: str, details: VolumeDetails) -> float:
        last = self._uses.last(key) if self._is_whole(name, key) else None
        return details.created if last is None else last

    def _is_used(self, name: str, key: str, details: VolumeDetails) -> bool:
        if self._is_whole(name, key):
            return self._uses.is_held(key)
        return session_lives(self._engine, self._data_dir, details.labels)  # it may be on its way into it

    def _is_whole(self, name: str, key: str) -> bool:
        note = self._notes / key
        return note.exists() and note.read_text() == name
