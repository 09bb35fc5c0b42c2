"""`Queue`: FIFO per partition, shared by the caller and all containers (queue.*)."""

from __future__ import annotations

import queue
import time
from collections.abc import AsyncGenerator, Sequence
from functools import partial
from typing import Any, ClassVar

from intermodal.client.api import Client, Reply
from intermodal.client.checking import checked_class
from intermodal.client.control_plane import control_plane
from intermodal.client.dual import dual, dual_stream
from intermodal.client.pickling import dump_value, load_value
from intermodal.definitions.named import ObjectsOfClass
from intermodal.definitions.objects import Ephemeral, StateObject, checked_timeout
from intermodal.definitions.spellings import older
from intermodal.exception import ConnectionError, InvalidError

__all__ = ["Queue"]


def _put_back(client: Client, queue: str, partition: str | None, taken: Reply) -> None:
    """Whoever asked for these was cancelled just when they came."""
    if taken.segments:
        params = {"id": queue, "partition": partition, "places": taken.value}
        try:
            client.request("queue.restore", params, taken.segments)
        except ConnectionError:  # the end of the run came with it
            pass


@checked_class
class Queue(StateObject):
    """A queue of values. At most 5,000 items in a partition and 1 MiB in an item. A handle can be an argument."""

    kind: ClassVar[str] = "queue"
    #: Making, listing and deleting named ones.
    objects: ClassVar[ObjectsOfClass] = ObjectsOfClass()

    @classmethod
    def from_name(cls, name: str, *, environment_name: str | None = None, create_if_missing: bool = False) -> Queue:
        """The queue of this name, looked up at its first use (`NotFoundError` then, unless it is to be created)."""
        return cls._named(name, environment_name, create_if_missing)

    @classmethod
    def lookup(cls, name: str, *, environment_name: str | None = None, create_if_missing: bool = False) -> Queue:
        """Older spelling of `from_name`."""
        older("Queue.lookup()", "Queue.from_name()")
        return cls.from_name(name, environment_name=environment_name, create_if_missing=create_if_missing)

    @classmethod
    def ephemeral(cls) -> Ephemeral[Queue]:
        """A queue without a name that lasts for a block: `with Queue.ephemeral() as q:`, or `async with`."""
        return Ephemeral(cls)

    @dual
    async def put(
        self,
        v: Any,
        block: bool = True,
        timeout: float | None = None,
        *,
        partition: str | None = None,
        partition_ttl: int | None = None,
    ) -> None:
        """Add a value at the end.

        Args:
            block: wait for room; at most `timeout` seconds.
            partition: which of its independent lines; default: the one without a name.
            partition_ttl: accepted; partitions do not expire in this version.

        Raises:
            queue.Full: there was no room in time.
        """
        await self._put([v], block, timeout, partition)

    @dual
    async def put_many(
        self,
        vs: Sequence[Any],
        block: bool = True,
        timeout: float | None = None,
        *,
        partition: str | None = None,
        partition_ttl: int | None = None,
    ) -> None:
        """Add several values, all or none. Raises as `put` does."""
        values = list(vs)
        if values:
            await self._put(values, block, timeout, partition)

    async def _put(self, values: list[Any], block: bool, timeout: float | None, partition: str | None) -> None:
        segments = [dump_value(value) for value in values]
        limit = checked_timeout(timeout)
        reply = await self._request("put", segments, partition=partition, block=block, timeout=limit)
        if not reply.value["accepted"]:
            raise queue.Full

    @dual
    async def get(self, block: bool = True, timeout: float | None = None, *, partition: str | None = None) -> Any:
        """Take the first value.

        Args:
            block: wait for one, at most `timeout` seconds; False gives None where there is none.

        Raises:
            queue.Empty: none came in time.
        """
        values = await self._get(1, block, timeout, partition)
        return values[0] if values else None

    @dual
    async def get_many(
        self, n_values: int, block: bool = True, timeout: float | None = None, *, partition: str | None = None
    ) -> list[Any]:
        """Take up to `n_values` from the front; waits for the first only. Raises as `get` does."""
        if n_values < 1:
            raise InvalidError(f"Queue.get_many({n_values}): at least 1")
        return await self._get(n_values, block, timeout, partition)

    async def _get(self, n: int, block: bool, timeout: float | None, partition: str | None) -> list[Any]:
        limit = checked_timeout(timeout)
        identity, client = await self._identity(), control_plane()
        params = {"id": identity, "partition": partition, "n": n, "block": block, "timeout": limit}
        asked = client.request("queue.get", params)
        asked.unclaimed = partial(_put_back, client, identity, partition)
        reply = await asked
        if block and not reply.segments:
            raise queue.Empty
        return [load_value(segment) for segment in reply.segments]

    @dual
    async def len(self, *, partition: str | None = None, total: bool = False) -> int:
        """How many values a partition holds, or (`total`) all partitions."""
        return int((await self._request("len", partition=partition, total=total)).value)

    def __len__(self) -> int:
        return self.len()

    def __bool__(self) -> bool:
        return True

    @dual
    async def clear(self, *, partition: str | None = None, all: bool = False) -> None:
        """Drop what a partition holds, or (`all`) every partition."""
        await self._request("clear", partition=partition, all=all)

    @dual_stream
    async def iterate(
        self, *, partition: str | None = None, item_poll_timeout: float = 0.0
    ) -> AsyncGenerator[Any, None]:
        """Look at the values from the front without taking them; ends when none came for that many seconds."""
        after, wait = 0, checked_timeout(item_poll_timeout) or 0.0
        deadline = time.monotonic() + wait
        while True:
            left = max(0.0, deadline - time.monotonic())
            reply = await self._request("iterate", partition=partition, after=after, timeout=left)
            if not reply.segments:
                return
            after = reply.value["cursor"]
            for segment in reply.segments:
                yield load_value(segment)
            deadline = time.monotonic() + wait
