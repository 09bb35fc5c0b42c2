"""Sends parcels to an engine: each once, into a volume of its own."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from intermodal.plugins.holding import exclusively
from intermodal_docker.archives import pack
from intermodal_docker.engine import CreateRequest, Engine, VolumeMount
from intermodal_docker.parcels import Parcel
from intermodal_docker.session import LEASE
from intermodal_docker.shipped import PARCEL, parcel_notes
from intermodal_docker.uses import Uses

__all__ = ["Shipping"]

_LOADING = "/intermodal"


class Shipping:
    """A session's. Its methods block.

    Args:
        labels: of the session.
    """

    def __init__(self, engine: Engine, data_dir: Path, labels: Mapping[str, str]) -> None:
        self._engine = engine
        self._notes = parcel_notes(engine, data_dir)
        self._uses = Uses(self._notes)
        self._labels = labels
        self._there: set[str] | None = None
        self._sent: dict[str, str] = {}

    def send(self, parcels: Sequence[Parcel], image: str) -> list[str]:
        """The names of volumes with these, once they are whole. `image`: any; a container of it, which never runs,
        has them put in."""
        if self._there is None:
            self._notes.mkdir(parents=True, exist_ok=True)
            self._there = set(self._engine.volumes(self._owner()))
        return [self._volume(parcel, image) for parcel in parcels]

    def close(self) -> None:
        """Use them no more."""
        self._uses.close()

    def _volume(self, parcel: Parcel, image: str) -> str:
        if parcel.key in self._sent:
            return self._sent[parcel.key]
        note = self._notes / parcel.key
        with exclusively(self._notes / f"{parcel.key}.lock"):
            name = note.read_text() if note.exists() else ""
            if not name or name not in (self._there or ()):
                name = self._load(parcel, image)
                fresh = self._notes / f"{parcel.key}.new"
                fresh.write_text(name)
                fresh.rename(note)
            self._uses.use(parcel.key)
        self._sent[parcel.key] = name
        return name

    def _load(self, parcel: Parcel, image: str) -> str:
        name = f"intermodal-{parcel.key}-{secrets.token_hex(4)}"
        self._engine.create_volume(name, {**self._labels, PARCEL: parcel.key})
        volume = VolumeMount(name, _LOADING, read_only=False)
        container = self._engine.create(
            CreateRequest(image=image, command=("true",), entrypoint=(), labels=self._labels, volumes=(volume,))
        )
        try:
            self._engine.put_archive(container, _LOADING, pack(parcel.members()))
        finally:
            self._engine.remove(container)
        return name

    def _owner(self) -> Mapping[str, str]:
        return {**{name: value for name, value in self._labels.items() if name != LEASE}, PARCEL: ""}
