"""Which volumes there are: names by environment, in one blob that one reference of the storage points to."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, TypeVar

from intermodal.exception import AlreadyExistsError, BackendError, InvalidError, NotFoundError
from intermodal.plugins import Storage
from intermodal.specs.names import NAME_RULE, is_name

__all__ = ["CATALOG_REF", "Catalog", "VolumeInfo", "head_ref"]

CATALOG_REF = "volumes/catalog"
_FORMAT = 1
_ID = re.compile(r"vo-[0-9a-f]{16}")

R = TypeVar("R")


@dataclass(frozen=True)
class VolumeInfo:
    """One named volume; `created` is in Unix seconds."""

    name: str
    id: str
    created: float


@dataclass
class _Content:
    named: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    #: volumes without a name, and the sessions whose end is theirs
    ephemeral: dict[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        return json.dumps({"format": _FORMAT, "named": self.named, "ephemeral": self.ephemeral}).encode()


def head_ref(volume: str) -> str:
    """The reference that points to the volume's newest version. Raises `InvalidError`: no id of a volume."""
    if not isinstance(volume, str) or not _ID.fullmatch(volume):
        raise InvalidError(f"{volume!r:.100} is no id of a volume")
    return f"volume/{volume}"


class Catalog:
    """Names are looked up, made, changed and removed with compare-and-swap: of two at once, both succeed in turn."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def find(self, name: str, environment: str) -> str:
        """The id of a named volume. Raises `NotFoundError`, `InvalidError`."""
        _check(name, environment)
        content, _ = await self._read()
        return str(_known(content, name, environment)["id"])

    async def find_or_make(self, name: str, environment: str) -> str:
        """The id of a named volume, made now where there is none."""
        _check(name, environment)

        def change(content: _Content) -> str:
            names = content.named.setdefault(environment, {})
            return str(names.setdefault(name, {"id": _new_id(), "created": time.time()})["id"])

        return await self._change(change)

    async def make_ephemeral(self, owner: str) -> str:
        """The id of a new volume without a name, which ends with `owner`."""

        def change(content: _Content) -> str:
            identity = _new_id()
            content.ephemeral[identity] = owner
            return identity

        return await self._change(change)

    async def rename(self, old: str, new: str, environment: str) -> None:
        """Raises `NotFoundError`; `AlreadyExistsError` where the new name is taken."""
        _check(new, environment)

        def change(content: _Content) -> None:
            found = _known(content, old, environment)
            names = content.named[environment]
            if new in names:
                raise AlreadyExistsError(f"a volume named {new!r} exists already in environment {environment!r}")
            names[new] = found
            del names[old]

        await self._change(change)

    async def remove(self, name: str, environment: str) -> str:
        """Forget a name; the volume's id. Raises `NotFoundError`."""

        def change(content: _Content) -> str:
            found = _known(content, name, environment)
            del content.named[environment][name]
            return str(found["id"])

        return await self._change(change)

    async def end_ephemeral(self, volumes: Collection[str]) -> None:
        """Forget these ephemeral volumes. Their versions have to be gone: what is forgotten, nobody sweeps."""

        def change(content: _Content) -> None:
            for volume in volumes:
                content.ephemeral.pop(volume, None)

        await self._change(change)

    async def ephemeral(self) -> dict[str, str]:
        """The ephemeral volumes, with the sessions that they belong to."""
        return (await self._read())[0].ephemeral

    async def names(self, environment: str) -> list[VolumeInfo]:
        """The volumes of an environment, sorted by name."""
        content, _ = await self._read()
        return [
            VolumeInfo(name, str(found["id"]), float(found["created"]))
            for name, found in sorted(content.named.get(environment, {}).items())
        ]

    async def _change(self, change: Callable[[_Content], R]) -> R:
        while True:
            content, before = await self._read()
            text = content.encode()
            result = change(content)
            if content.encode() == text:
                return result
            after = await self._storage.put(content.encode())
            if await self._storage.swap_ref(CATALOG_REF, before, after):
                return result

    async def _read(self) -> tuple[_Content, str | None]:
        blob = await self._storage.read_ref(CATALOG_REF)
        if blob is None:
            return _Content(), None
        content = json.loads(await self._storage.get(blob))
        if content.get("format") != _FORMAT:
            raise BackendError("the list of volumes was written by a newer version of intermodal: update this one")
        return _Content(content["named"], content["ephemeral"]), blob


def _check(name: str, environment: str) -> None:
    for what, text in (("a volume", name), ("an environment", environment)):
        if not is_name(text):
            raise InvalidError(f"{text!r:.100} cannot be the name of {what}: {NAME_RULE}")


def _known(content: _Content, name: str, environment: str) -> dict[str, Any]:
    found = content.named.get(environment, {}).get(name)
    if found is None:
        raise NotFoundError(
            f"there is no volume named {name!r} in environment {environment!r}: make it with "
            f"Volume.from_name({name!r}, create_if_missing=True) or `intermodal volume create {name}`, "
            "or correct the name"
        )
    return found


def _new_id() -> str:
    return f"vo-{secrets.token_hex(8)}"
