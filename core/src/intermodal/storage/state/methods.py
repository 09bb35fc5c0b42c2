"""From a request's name and parameters to what it does. Everything is checked here, before the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

from intermodal.storage.state import dicts, queues
from intermodal.storage.state.lines import Request
from intermodal.storage.state.objects import EPHEMERAL, PREFIX, Close, Create, Delete, Kind, List
from intermodal.storage.state.requests import (
    MAX_ITEM,
    MAX_ITEMS,
    MAX_KEY,
    Params,
    check_pairs,
    check_size,
    invalid,
)

__all__ = ["parse"]

_Segments = Sequence[bytes]
_QUEUE, _DICT = PREFIX["queue"], PREFIX["dict"]


def parse(method: str, params: Mapping[str, Any], segments: _Segments) -> Request:
    """The request. Raises `RequestError`: no such method, a wrong parameter, a value too large."""
    make = _METHODS.get(method)
    if make is None:
        invalid(f"there is no request {method!r:.100}")
    reader = Params(method, params)
    request = make(reader, segments)
    reader.done()
    return request


def _create(kind: Kind) -> Callable[[Params, _Segments], Request]:
    def make(params: Params, segments: _Segments) -> Request:
        data = check_pairs(segments) if kind == "dict" else _none(segments)
        return Create(kind, params.name(), params.environment(), params.flag("create_if_missing"), data)

    return make


def _delete(kind: Kind) -> Callable[[Params, _Segments], Request]:
    def make(params: Params, segments: _Segments) -> Request:
        _none(segments)
        name = params.name()
        if name is None:
            invalid(f"{kind}.delete needs a name")
        return Delete(kind, name, params.environment())

    return make


def _list(kind: Kind) -> Callable[[Params, _Segments], Request]:
    def make(params: Params, segments: _Segments) -> Request:
        _none(segments)
        return List(kind, params.environment())

    return make


def _close(kind: Kind) -> Callable[[Params, _Segments], Request]:
    def make(params: Params, segments: _Segments) -> Request:
        _none(segments)
        return Close(params.id(PREFIX[kind] + EPHEMERAL))

    return make


def _queue_put(params: Params, segments: _Segments) -> Request:
    if not 1 <= len(segments) <= MAX_ITEMS:
        invalid(f"a put has 1 to {MAX_ITEMS:,} items, as many as one partition can hold; this has {len(segments):,}")
    for value in segments:
        check_size("an item of a queue", value, MAX_ITEM)
    return queues.Put(params.id(_QUEUE), params.partition(), segments, *_patience(params))


def _queue_get(params: Params, segments: _Segments) -> Request:
    _none(segments)
    return queues.Get(params.id(_QUEUE), params.partition(), params.count("n", 1, low=1), *_patience(params))


def _queue_restore(params: Params, segments: _Segments) -> Request:
    places = params.counts("places", len(segments))
    for value in segments:
        check_size("an item of a queue", value, MAX_ITEM)
    return queues.Restore(params.id(_QUEUE), params.partition(), list(zip(places, segments, strict=True)))


def _queue_iterate(params: Params, segments: _Segments) -> Request:
    _none(segments)
    timeout = params.timeout(default=0.0)
    after, limit = params.count("after", 0), params.count("limit", 100, low=1)
    return queues.Iterate(params.id(_QUEUE), params.partition(), after, limit, timeout != 0, timeout)


def _queue_len(params: Params, segments: _Segments) -> Request:
    _none(segments)
    return queues.Length(params.id(_QUEUE), _partition_or_all(params, "total"))


def _queue_partitions(params: Params, segments: _Segments) -> Request:
    _none(segments)
    return queues.Partitions(params.id(_QUEUE), params.count("limit", 1000), params.count("offset", 0))


def _queue_clear(params: Params, segments: _Segments) -> Request:
    _none(segments)
    return queues.Clear(params.id(_QUEUE), _partition_or_all(params, "all"))


def _dict_put(params: Params, segments: _Segments) -> Request:
    pairs = check_pairs(segments)
    if len(pairs) != 1:
        invalid(f"dict.put takes a key and a value; this has {len(segments)} segments")
    return dicts.Put(params.id(_DICT), *pairs[0], params.flag("skip_if_exists"))


def _dict_key(kind: type[dicts.Get | dicts.Pop | dicts.Contains]) -> Callable[[Params, _Segments], Request]:
    def make(params: Params, segments: _Segments) -> Request:
        if len(segments) != 1:
            invalid(f"this takes one key; it has {len(segments)} segments")
        return kind(params.id(_DICT), check_size("a dict's key", segments[0], MAX_KEY))

    return make


def _dict_whole(kind: type[dicts.Length | dicts.Clear]) -> Callable[[Params, _Segments], Request]:
    def make(params: Params, segments: _Segments) -> Request:
        _none(segments)
        return kind(params.id(_DICT))

    return make


def _dict_update(params: Params, segments: _Segments) -> Request:
    return dicts.Update(params.id(_DICT), check_pairs(segments))


def _dict_iterate(params: Params, segments: _Segments) -> Request:
    _none(segments)
    what = cast(Literal["keys", "values", "items"], params.choice("what", ("keys", "values", "items")))
    return dicts.Iterate(params.id(_DICT), what, params.count("after", 0), params.count("limit", 1000, low=1))


def _patience(params: Params) -> tuple[bool, float | None]:
    block, timeout = params.flag("block", default=True), params.timeout()
    return block and timeout != 0, timeout


def _partition_or_all(params: Params, flag: str) -> str | None:
    partition, everything = params.partition(), params.flag(flag)
    if partition and everything:
        invalid(f"name a partition or ask for {flag}, not both")
    return None if everything else partition


def _none(segments: _Segments) -> tuple[()]:
    if segments:
        invalid(f"this takes no values; it has {len(segments)} segments")
    return ()


_METHODS: dict[str, Callable[[Params, _Segments], Request]] = {
    "queue.create": _create("queue"),
    "queue.put": _queue_put,
    "queue.get": _queue_get,
    "queue.restore": _queue_restore,
    "queue.iterate": _queue_iterate,
    "queue.len": _queue_len,
    "queue.partitions": _queue_partitions,
    "queue.clear": _queue_clear,
    "queue.delete": _delete("queue"),
    "queue.list": _list("queue"),
    "queue.close": _close("queue"),
    "dict.create": _create("dict"),
    "dict.get": _dict_key(dicts.Get),
    "dict.put": _dict_put,
    "dict.pop": _dict_key(dicts.Pop),
    "dict.contains": _dict_key(dicts.Contains),
    "dict.len": _dict_whole(dicts.Length),
    "dict.update": _dict_update,
    "dict.iterate": _dict_iterate,
    "dict.clear": _dict_whole(dicts.Clear),
    "dict.delete": _delete("dict"),
    "dict.list": _list("dict"),
    "dict.close": _close("dict"),
}
