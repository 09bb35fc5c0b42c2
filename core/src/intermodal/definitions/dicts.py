"""`Dict`: values by key, shared by the caller and all containers (dict.*)."""

from __future__ import annotations

import pickle
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from typing import Any, ClassVar

from intermodal.client.checking import checked_class
from intermodal.client.dual import dual, dual_stream
from intermodal.client.pickling import dump_value, load_value
from intermodal.definitions.named import ObjectsOfClass
from intermodal.definitions.objects import Ephemeral, StateObject, dump_key
from intermodal.definitions.spellings import older

__all__ = ["Dict"]

_NONE: Any = object()


@checked_class
class Dict(StateObject):
    """A mapping. Keys are basic values and tuples of them, compared by their bytes: 1, 1.0 and True are three keys. At
    most 64 KiB in a key and 100 MiB in a value. A handle can be an argument."""

    kind: ClassVar[str] = "dict"
    #: Making, listing and deleting named ones.
    objects: ClassVar[ObjectsOfClass] = ObjectsOfClass()

    @classmethod
    def from_name(
        cls,
        name: str,
        data: Mapping[Any, Any] | None = None,
        *,
        environment_name: str | None = None,
        create_if_missing: bool = False,
    ) -> Dict:
        """The dict of this name, looked up at its first use (`NotFoundError` then, unless it is to be created).

        Args:
            data: what it holds if it is created.
        """
        return cls._named(name, environment_name, create_if_missing, _pairs(data or {}))

    @classmethod
    def lookup(cls, name: str, *, environment_name: str | None = None, create_if_missing: bool = False) -> Dict:
        """Older spelling of `from_name`."""
        older("Dict.lookup()", "Dict.from_name()")
        return cls.from_name(name, environment_name=environment_name, create_if_missing=create_if_missing)

    @classmethod
    def ephemeral(cls, data: Mapping[Any, Any] | None = None) -> Ephemeral[Dict]:
        """A dict without a name that lasts for a block: `with Dict.ephemeral() as d:`, or `async with`."""
        return Ephemeral(cls, _pairs(data or {}))

    async def _find(self, key: Any) -> Any:
        reply = await self._request("get", [dump_key(key)])
        return load_value(reply.segments[0]) if reply.value else _NONE

    @dual
    async def get(self, key: Any, default: Any = None) -> Any:
        """The value of a key, or `default`."""
        value = await self._find(key)
        return default if value is _NONE else value

    @dual
    async def put(self, key: Any, value: Any, *, skip_if_exists: bool = False) -> bool:
        """Set a value; with `skip_if_exists` only where there is none, atomically. Returns whether it was stored."""
        reply = await self._request("put", [dump_key(key), dump_value(value)], skip_if_exists=skip_if_exists)
        return bool(reply.value)

    @dual
    async def pop(self, key: Any, default: Any = _NONE) -> Any:
        """Take a value out, atomically. Raises `KeyError` where there is none and no default."""
        reply = await self._request("pop", [dump_key(key)])
        if reply.value:
            return load_value(reply.segments[0])
        if default is _NONE:
            raise KeyError(key)
        return default

    @dual
    async def contains(self, key: Any) -> bool:
        """Whether the key has a value."""
        return bool((await self._request("contains", [dump_key(key)])).value)

    @dual
    async def len(self) -> int:
        """How many keys there are."""
        return int((await self._request("len")).value)

    @dual
    async def update(self, other: Mapping[Any, Any] | None = None, /, **kwargs: Any) -> None:
        """Set several values, all or none."""
        pairs = _pairs({**dict(other or {}), **kwargs})
        if pairs:
            await self._request("update", pairs)

    @dual
    async def clear(self) -> None:
        """Remove everything."""
        await self._request("clear")

    @dual_stream
    async def keys(self) -> AsyncGenerator[Any, None]:
        """The keys, in the order they were first set."""
        async for (key,) in self._pages("keys", 1):
            yield key

    @dual_stream
    async def values(self) -> AsyncGenerator[Any, None]:
        """The values, in the same order."""
        async for (value,) in self._pages("values", 1):
            yield value

    @dual_stream
    async def items(self) -> AsyncGenerator[tuple[Any, Any], None]:
        """Keys with their values, in the same order."""
        async for key, value in self._pages("items", 2):
            yield key, value

    async def _pages(self, what: str, width: int) -> AsyncGenerator[tuple[Any, ...], None]:
        after, more = 0, True
        load: dict[str, tuple[Callable[[bytes], Any], ...]] = {
            "keys": (pickle.loads,),
            "values": (load_value,),
            "items": (pickle.loads, load_value),
        }
        while more:
            reply = await self._request("iterate", what=what, after=after)
            after, more = reply.value["cursor"], reply.value["more"]
            for start in range(0, len(reply.segments), width):
                yield tuple(read(segment) for read, segment in zip(load[what], reply.segments[start:], strict=False))

    def __getitem__(self, key: Any) -> Any:
        value = self.get(key, _NONE)
        if value is _NONE:
            raise KeyError(key)
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        self.put(key, value)

    def __delitem__(self, key: Any) -> None:
        self.pop(key)

    def __contains__(self, key: Any) -> bool:
        return self.contains(key)

    def __len__(self) -> int:
        return self.len()

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        return self.keys()


def _pairs(data: Mapping[Any, Any]) -> list[bytes]:
    return [part for key, value in data.items() for part in (dump_key(key), dump_value(value))]
