"""Parcels in an engine's volumes: sent once, kept while a session of this machine uses them, and removed in the end.

A volume is good once a note in the data directory says so, as its sending may have been cut short. The note's time is
the last use, and who uses the volume holds a shared lock on it. Volumes of others, who may have put anything into them,
are never used.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from intermodal_docker.engine import CreateRequest, Engine, EngineBusy, VolumeMount
from intermodal_docker.parcels import Parcel
from intermodal_docker.session import LEASE, left_volumes, session_lives

__all__ = ["Shipping", "reap_volumes"]

_PARCEL = "intermodal.parcel"
_LOADING = "/intermodal"
#: Seconds after its last use that a volume may go.
_KEPT_S = 86_400.0


class Shipping:
    """A session's. Its methods block.

    Args:
        labels: of the session.
    """

    def __init__(self, engine: Engine, data_dir: Path, labels: Mapping[str, str]) -> None:
        self._engine = engine
        self._notes = _notes(engine, data_dir)
        self._labels = labels
        self._there: set[str] | None = None
        self._held: dict[str, int] = {}

    def send(self, parcels: Sequence[Parcel], image: str) -> list[str]:
        """The names of volumes with these, once they are whole. `image`: any; a container of it, which never runs,
        has them put in."""
        if self._there is None:
            self._notes.mkdir(parents=True, exist_ok=True)
            self._there = set(self._engine.volumes(self._owner()))
        return [self._sent(parcel, image) for parcel in parcels]

    def close(self) -> None:
        """Use them no more."""
        while self._held:
            os.close(self._held.popitem()[1])

    def _sent(self, parcel: Parcel, image: str) -> str:
        note = self._notes / parcel.key
        if parcel.key in self._held:
            return note.read_text()
        with _locked(self._notes / f"{parcel.key}.lock"):
            name = note.read_text() if note.exists() else ""
            if not name or name not in (self._there or ()):
                name = self._load(parcel, image)
                fresh = self._notes / f"{parcel.key}.new"
                fresh.write_text(name)
                fresh.rename(note)
            os.utime(note)
            self._held[parcel.key] = fd = os.open(note, os.O_RDONLY | os.O_CLOEXEC)
            fcntl.flock(fd, fcntl.LOCK_SH)
        return name

    def _load(self, parcel: Parcel, image: str) -> str:
        name = f"intermodal-{parcel.key}-{secrets.token_hex(4)}"
        self._engine.create_volume(name, {**self._labels, _PARCEL: parcel.key})
        volume = VolumeMount(name, _LOADING, read_only=False)
        container = self._engine.create(
            CreateRequest(image=image, command=("true",), entrypoint=(), labels=self._labels, volumes=(volume,))
        )
        try:
            for archive in parcel.archives():
                self._engine.put_archive(container, _LOADING, [archive])
        finally:
            self._engine.remove(container)
        return name

    def _owner(self) -> Mapping[str, str]:
        return {**{name: value for name, value in self._labels.items() if name != LEASE}, _PARCEL: ""}


def reap_volumes(engine: Engine, data_dir: Path, *, older_than_s: float = _KEPT_S) -> None:
    """Remove the volumes of this machine and data directory that nobody uses or has used lately. Blocks."""
    notes = _notes(engine, data_dir)
    for name, labels in left_volumes(engine, data_dir).items():
        key = labels.get(_PARCEL)
        if key is None:
            continue
        with contextlib.suppress(EngineBusy), _locked(notes / f"{key}.lock"):
            note = notes / key
            if not note.exists() or note.read_text() != name:
                if not session_lives(engine, data_dir, labels):  # else it may be on its way into it
                    engine.remove_volume(name)
            elif note.stat().st_mtime < time.time() - older_than_s and not _is_held(note):
                engine.remove_volume(name)
                note.unlink()


def _notes(engine: Engine, data_dir: Path) -> Path:
    return data_dir / engine.name / "parcels" / hashlib.sha256(engine.address.encode()).hexdigest()[:16]


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_held(note: Path) -> bool:
    with note.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
