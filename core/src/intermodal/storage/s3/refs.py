"""References as objects, moved by conditional puts.

A conditional put whose answer was lost may have happened. So each move writes a token of its own, and keeps those of
the moves before it: who finds its token there has won, even if others moved on since.
"""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from dataclasses import dataclass

from intermodal.exception import BackendError
from intermodal.storage.refs import ref_file, ref_name
from intermodal.storage.s3.objects import Objects, Unsure

__all__ = ["S3Refs"]

_PREFIX = "refs"
_TOKENS = 64  # moves by others between a lost answer and the next look
_TRIES = 10
_FIRST_S, _LONGEST_S = 0.05, 2.0


@dataclass(frozen=True, slots=True)
class _Ref:
    """A reference as it was read. One that was removed has the value None, for there is no conditional removal."""

    value: str | None
    moves: tuple[str, ...]
    etag: str | None


class S3Refs:
    """The references of a storage."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def read(self, name: str) -> str | None:
        """The value, or None where there is none."""
        return (await self._read(_key(name))).value

    async def names(self) -> list[str]:
        """All there are now, sorted."""
        found = [_name(each.key) async for each in self._objects.list(_PREFIX)]
        values = await asyncio.gather(*(self.read(name) for name in found))
        return sorted(name for name, value in zip(found, values, strict=True) if value is not None)

    async def swap(self, name: str, expected: str | None, value: str | None) -> bool:
        """Set `name` to `value` (None: remove it) if it is `expected` now."""
        key, token, tried = _key(name), secrets.token_hex(8), False
        for attempt in range(_TRIES):
            now = await self._read(key)
            if token in now.moves:
                return True
            if now.value != expected:
                return False
            if value is None and now.etag is None:
                return True
            try:
                if await self._objects.write_if(key, _encode(value, (token, *now.moves)), now.etag):
                    return True
            except Unsure:
                tried = True
            # Refused although it was as expected a moment ago: moved meanwhile, or our own put whose answer was lost.
            await asyncio.sleep(random.uniform(0.5, 1.0) * min(_FIRST_S * 2**attempt, _LONGEST_S))
        doubt = "; whether it was moved cannot be told" if tried else ""
        raise BackendError(f"{self._objects.place}: the reference {name!r} could not be moved in {_TRIES} tries{doubt}")

    async def _read(self, key: str) -> _Ref:
        found = await self._objects.read(key)
        if found is None:
            return _Ref(None, (), None)
        data, etag = found
        try:
            content = json.loads(data)
            return _Ref(content["value"], tuple(content["moves"]), etag)
        except (ValueError, KeyError, TypeError):
            raise BackendError(f"{self._objects.place}: {key} is no reference: something else wrote to it") from None


def _encode(value: str | None, moves: tuple[str, ...]) -> bytes:
    return json.dumps({"value": value, "moves": moves[:_TOKENS]}).encode()


def _key(name: str) -> str:
    """Quoted as for a file, in characters that every store and client takes as they are."""
    return f"{_PREFIX}/{ref_file(name).replace('~', '%7E').replace('%', '=')}"


def _name(key: str) -> str:
    return ref_name(key.removeprefix(f"{_PREFIX}/").replace("=", "%"))
