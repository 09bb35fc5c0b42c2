"""What references reach: the blobs that must stay."""

from __future__ import annotations

import importlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from intermodal.exception import BackendError, DamagedBlobError
from intermodal.plugins import CollectableStorage, Storage
from intermodal.plugins.options import nearest

__all__ = ["TRACERS", "Reach", "Tracer", "UnreadableReference", "trace", "trace_list", "trace_pin"]

#: The blobs that a reference with this value needs, its own and those that they name in turn.
Tracer = Callable[[str, Storage], AsyncIterator[str]]

#: For each kind of reference, which is what its name has before the first "/": where its tracer is. Who keeps
#: references of a new kind adds a line.
TRACERS: Mapping[str, str] = {
    "deployment": "intermodal.storage.reach:trace_list",
    "pin": "intermodal.storage.reach:trace_pin",
    "volume": "intermodal.storage.volumes.tracing:trace_head",
    "volumes": "intermodal.storage.volumes.tracing:trace_catalog",
}


class UnreadableReference(BackendError):
    """What a reference needs cannot be told, so nothing may be removed."""


@dataclass(slots=True)
class Reach:
    """What was found: blobs, each with the name of one reference that needs it, and references that cannot be read."""

    needed: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


async def trace(storage: CollectableStorage, tracers: Mapping[str, str] | None = None) -> Reach:
    """Follow every reference, until a look at all of them shows none that is new or has moved.

    So a blob that stays out of it is needed by no reference, whichever moved meanwhile, but for those to blobs that
    were used since (`CollectableStorage`).
    """
    reach = Reach()
    seen: set[tuple[str, str]] = set()
    while found := {(name, value) async for name, value in _references(storage)} - seen:
        for name, value in sorted(found):
            await _follow(name, value, storage, reach, TRACERS if tracers is None else tracers)
        seen |= found
    return reach


async def _references(storage: CollectableStorage) -> AsyncIterator[tuple[str, str]]:
    for name in await storage.refs():
        value = await storage.read_ref(name)
        if value is not None:
            yield name, value


async def _follow(name: str, value: str, storage: Storage, reach: Reach, tracers: Mapping[str, str]) -> None:
    try:
        async for blob in _tracer(name, tracers)(value, storage):
            reach.needed.setdefault(blob, name)
    except KeyError as error:
        reach.unreadable[name] = f"it needs what is missing: {error.args[0] if error.args else error}"
    except (DamagedBlobError, UnreadableReference) as error:
        reach.unreadable[name] = str(error)


def _tracer(name: str, tracers: Mapping[str, str]) -> Tracer:
    kind, slash, _ = name.partition("/")
    if not slash or kind not in tracers:
        raise UnreadableReference(
            f"nothing here knows references of this kind{nearest(kind, tracers)}: a newer version may have made it"
        )
    module, _, attribute = tracers[kind].partition(":")
    tracer: Tracer = getattr(importlib.import_module(module), attribute)
    return tracer


async def trace_pin(value: str, storage: Storage) -> AsyncIterator[str]:
    """`pin/...`: the one blob that the value names."""
    yield value


async def trace_list(value: str, storage: Storage) -> AsyncIterator[str]:
    """`deployment/...`: a blob that lists blobs, as JSON, and those."""
    yield value
    for blob in json.loads(await storage.get(value)):
        yield str(blob)
