"""The calls under way: who gets their outputs, and who keeps those of detached ones for whoever asks."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from intermodal.driver.keeping import CallKeeper
from intermodal.specs.status import CANCELLED, ERROR, ITEM

__all__ = ["CallBook", "CallRecord"]

#: Ended detached calls whose outputs are kept.
KEPT_CALLS = 100_000

Sink = Callable[[Sequence[int], Sequence[int], Sequence[Any]], None]


@dataclass(slots=True, eq=False)
class CallRecord:
    """One call. `sink` takes its outputs; those of a detached call go to its `keeper` as well, or, where it has none,
    stay in `kept` by input index."""

    id: str
    app: str
    function: str
    parent: str | None
    sink: Sink | None
    on_end: Callable[[], None] | None
    detached: bool
    trace: str = ""
    keeper: CallKeeper | None = None
    submitted: int = 0
    closed: bool = False
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    ended: bool = False
    kept: dict[int, tuple[int, Any]] = field(default_factory=dict)
    waiters: list[Callable[[], None]] = field(default_factory=list)
    children: list[str] = field(default_factory=list)

    def count(self, statuses: Sequence[int]) -> None:
        """Tally results."""
        total = len(statuses)
        if not any(statuses):
            self.succeeded += total
            return
        failed, cancelled, items = statuses.count(ERROR), statuses.count(CANCELLED), statuses.count(ITEM)
        self.failed += failed
        self.cancelled += cancelled
        self.succeeded += total - failed - cancelled - items


class CallBook:
    """Calls by id. Ended ones go at once, detached ones when `KEPT_CALLS` later ones have ended."""

    def __init__(self) -> None:
        self._calls: dict[str, CallRecord] = {}
        self.begun = 0  #: calls so far
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._expired: OrderedDict[str, None] = OrderedDict()

    def add(self, record: CallRecord) -> None:
        """A call was submitted."""
        self.begun += 1
        self._calls[record.id] = record
        self._ended.pop(record.id, None)  # it begins once more
        parent = self._calls.get(record.parent) if record.parent else None
        if parent is not None:
            parent.children.append(record.id)

    def get(self, call: str) -> CallRecord | None:
        """The record while the call runs or its outputs are kept."""
        return self._calls.get(call)

    @property
    def any_left(self) -> bool:
        """Whether one is under way, or outputs are kept for whoever asks."""
        return bool(self._calls)

    def expired(self, call: str) -> bool:
        """True for a call that ended so long ago that its outputs are gone."""
        return call in self._expired

    def deliver(self, call: str, indices: Sequence[int], statuses: Sequence[int], payloads: Sequence[Any]) -> None:
        """Outputs for a call's client."""
        record = self._calls.get(call)
        if record is None:
            return
        record.count(statuses)
        if record.keeper is not None:
            record.keeper.record(call, indices, statuses, payloads)
        elif record.detached:
            record.kept.update(zip(indices, zip(statuses, payloads, strict=True), strict=True))
            self._wake(record)
        if record.sink is not None:
            record.sink(indices, statuses, payloads)

    def end(self, call: str) -> CallRecord | None:
        """The call has all its results."""
        record = self._calls.get(call)
        if record is None or record.ended:
            return None
        record.ended = True
        if record.keeper is not None:
            record.keeper.end(call)
        if record.on_end is not None:
            record.on_end()
        self._wake(record)
        if (record.detached and record.keeper is None) or record.children:
            self._ended[call] = None
            if len(self._ended) > KEPT_CALLS:
                old, _ = self._ended.popitem(last=False)
                self._calls.pop(old, None)
                self._expired[old] = None
                if len(self._expired) > 10 * KEPT_CALLS:
                    self._expired.popitem(last=False)
        else:
            del self._calls[call]
        return record

    def _wake(self, record: CallRecord) -> None:
        waiters, record.waiters = record.waiters, []
        for wake in waiters:
            wake()

    def tree(self, call: str) -> list[dict[str, Any]]:
        """A call and those made from it, for `get_call_graph`."""
        record = self._calls.get(call)
        if record is None:
            return []
        status = "running" if not record.ended else "failed" if record.failed else "succeeded"
        children = [node for child in record.children for node in self.tree(child)]
        return [{"call": call, "function": record.function, "status": status, "children": children}]

    def open_calls(self) -> list[CallRecord]:
        """Calls without an end yet."""
        return [record for record in self._calls.values() if not record.ended]

    async def all_ended(self) -> None:
        """Wait until there are none."""
        while left := self.open_calls():
            changed = asyncio.Event()
            left[-1].waiters.append(changed.set)
            await changed.wait()
