"""What arrives to be done: inputs and batches, each bound to the method that does it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from intermodal.exception import NotFoundError
from intermodal.guest.channel import Channel
from intermodal.wire import columns
from intermodal.wire.payload import Payload

if TYPE_CHECKING:
    from intermodal.guest.web.serving import WebMethod

__all__ = ["Batch", "Call", "Input", "Method", "Methods", "Work", "arrivals", "attempts_of", "taken_back"]


@dataclass(frozen=True)
class Method:
    """A callable of the function or class. `label` is for messages; `plain` says: sync, one value per input."""

    name: str
    label: str
    function: Callable[..., Any]
    is_generator: bool = False
    is_async: bool = False
    is_batched: bool = False
    web: WebMethod | None = None

    @property
    def plain(self) -> bool:
        return not (self.is_generator or self.is_async or self.is_batched)


class Methods(dict[str, Method]):
    """Methods by name. An unknown one fails its inputs, not the container."""

    def __missing__(self, name: str) -> Method:
        def unknown(*args: Any, **kwargs: Any) -> Any:
            raise NotFoundError(f"this container has no method {name!r}, only {sorted(self)}")

        return Method(name=name, label=name, function=unknown)


class Call(NamedTuple):
    """The call an input belongs to, and what serves it; the trace it is in."""

    id: str
    method: Method
    trace: str = ""


#: attempt, call, index within the call, tries (1 for the first), pickled (args, kwargs)
Input = tuple[int, Call, int, int, Payload]


class Batch(NamedTuple):
    """Inputs that one call of a batched method serves (batch.form)."""

    inputs: tuple[Input, ...]


Work = Input | Batch


def arrivals(channel: Channel, methods: Methods, header: dict[str, Any], segments: list[bytes]) -> Sequence[Work]:
    """The work in an `inputs` frame. Raises `FrameError`."""
    (attempts, slots, indices, tries), rest = columns.read(header, columns.INPUTS, segments)
    payloads = channel.payloads(rest)
    traces = header.get("traces")
    if traces is None:
        calls = [Call(call_id, methods[method]) for call_id, method in header["calls"]]
    else:
        named = zip(header["calls"], traces, strict=True)
        calls = [Call(call_id, methods[method], trace) for (call_id, method), trace in named]
    inputs: Iterator[Input] = zip(attempts, map(calls.__getitem__, slots), indices, tries, payloads, strict=False)
    if header.get("batch"):
        return (Batch(tuple(inputs)),)
    return tuple(inputs)


def attempts_of(work: Work) -> list[int]:
    """The attempts that this work would answer."""
    return [each[0] for each in work.inputs] if isinstance(work, Batch) else [work[0]]


def taken_back(inbox: deque[Work]) -> list[int]:
    """Empty an inbox, last first, while its owner may take from it on another thread; the attempts that were in it."""
    attempts: list[int] = []
    while True:
        try:
            attempts.extend(attempts_of(inbox.pop()))
        except IndexError:
            return attempts
