"""Queues against a plain model: in memory, in the file, and in the file through two engines at once."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from intermodal.storage import Reply, StateService

MAX_ITEMS = 5_000
PARTITIONS = st.sampled_from([None, "a", "b"])
SIZES = st.sampled_from([1, 2, 3, 2_400, 4_999, 5_000])
PATIENCE_S = 30.0


@dataclass(eq=False)
class Waiting:
    """A request that blocks, with what the model needs to serve it."""

    task: asyncio.Task[Reply]
    count: int = 0
    values: list[bytes] = field(default_factory=list)
    expected: Any = None


class QueueMachine(RuleBasedStateMachine):
    """All that wait do so through the first engine, so that the order among them is defined; the rest may use any."""

    engines = 1
    name: str | None = "q"

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = tempfile.TemporaryDirectory()
        self.services = [StateService(Path(self.directory.name)) for _ in range(self.engines)]
        self.id = self.ask(0, "queue.create", name=self.name, create_if_missing=True).value["id"]
        self.items: dict[str | None, list[bytes]] = defaultdict(list)
        self.getters: dict[str | None, list[Waiting]] = defaultdict(list)
        self.putters: dict[str | None, list[Waiting]] = defaultdict(list)
        self.number = 0

    def teardown(self) -> None:
        for line in [*self.getters.values(), *self.putters.values()]:
            for waiting in line:
                self.cancel_task(waiting)
        for service in self.services:
            self.loop.run_until_complete(service.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.directory.cleanup()

    def ask(self, engine: int, method: str, segments: list[bytes] | None = None, **params: Any) -> Reply:
        handled = self.services[engine % self.engines].handle(method, params, segments or [])
        return self.loop.run_until_complete(handled)

    def start(self, method: str, segments: list[bytes], **params: Any) -> asyncio.Task[Reply]:
        task = self.loop.create_task(self.services[0].handle(method, params, segments))
        self.ask(0, "queue.len", id=self.id)  # answered after it: what could be done for it now is done
        return task

    def cancel_task(self, waiting: Waiting) -> None:
        waiting.task.cancel()
        self.loop.run_until_complete(asyncio.gather(waiting.task, return_exceptions=True))

    def fresh(self, size: int) -> list[bytes]:
        self.number += size
        return [b"%d" % n for n in range(self.number - size, self.number)]

    def serve(self, partition: str | None) -> None:
        """What the model says must happen now, and that it does."""
        items, getters, putters = self.items[partition], self.getters[partition], self.putters[partition]
        served: list[Waiting] = []
        while (getters and items) or (putters and len(items) + len(putters[0].values) <= MAX_ITEMS):
            while getters and items:
                getter = getters.pop(0)
                getter.expected, items[:] = items[: getter.count], items[getter.count :]
                served.append(getter)
            while putters and len(items) + len(putters[0].values) <= MAX_ITEMS:
                items += putters[0].values
                served.append(putters.pop(0))
        for waiting in served:
            reply = self.loop.run_until_complete(asyncio.wait_for(waiting.task, PATIENCE_S))
            if waiting.values:
                assert reply.value == {"accepted": True}
            else:
                assert list(reply.segments) == waiting.expected

    @rule(engine=st.integers(0, 1), partition=PARTITIONS, size=SIZES)
    def put(self, engine: int, partition: str | None, size: int) -> None:
        values = self.fresh(size)
        fits = len(self.items[partition]) + size <= MAX_ITEMS
        reply = self.ask(engine, "queue.put", values, id=self.id, partition=partition, block=False)
        assert reply.value == {"accepted": fits}
        if fits:
            self.items[partition] += values
        self.serve(partition)

    @rule(partition=PARTITIONS, size=SIZES)
    def put_blocking(self, partition: str | None, size: int) -> None:
        values = self.fresh(size)
        task = self.start("queue.put", values, id=self.id, partition=partition)
        self.putters[partition].append(Waiting(task, values=values))
        self.serve(partition)

    @rule(engine=st.integers(0, 1), partition=PARTITIONS, count=SIZES)
    def get(self, engine: int, partition: str | None, count: int) -> None:
        reply = self.ask(engine, "queue.get", id=self.id, partition=partition, n=count, block=False)
        items = self.items[partition]
        assert list(reply.segments) == items[:count]
        assert len(reply.value) == len(items[:count])
        del items[:count]
        self.serve(partition)

    @rule(partition=PARTITIONS, count=SIZES)
    def get_blocking(self, partition: str | None, count: int) -> None:
        task = self.start("queue.get", [], id=self.id, partition=partition, n=count)
        self.getters[partition].append(Waiting(task, count=count))
        self.serve(partition)

    @rule(partition=PARTITIONS, data=st.data(), putter=st.booleans())
    def cancel(self, partition: str | None, data: st.DataObject, putter: bool) -> None:
        line = (self.putters if putter else self.getters)[partition]
        if line:
            self.cancel_task(line.pop(data.draw(st.integers(0, len(line) - 1))))
            self.ask(0, "queue.len", id=self.id)
        self.serve(partition)

    @rule(engine=st.integers(0, 1), partition=PARTITIONS)
    def clear(self, engine: int, partition: str | None) -> None:
        self.ask(engine, "queue.clear", id=self.id, partition=partition)
        self.items[partition].clear()
        self.serve(partition)

    @rule(engine=st.integers(0, 1))
    def clear_all(self, engine: int) -> None:
        self.ask(engine, "queue.clear", id=self.id, all=True)
        for items in self.items.values():
            items.clear()
        for partition in list(self.items):
            self.serve(partition)

    @rule(engine=st.integers(0, 1), partition=PARTITIONS, limit=st.sampled_from([1_700, 10_000]))
    def iterate(self, engine: int, partition: str | None, limit: int) -> None:
        seen: list[bytes] = []
        cursor = 0
        while page := (
            reply := self.ask(engine, "queue.iterate", id=self.id, partition=partition, after=cursor, limit=limit)
        ).segments:
            seen += page
            cursor = reply.value["cursor"]
        assert seen == self.items[partition]

    @invariant()
    def lengths_agree(self) -> None:
        for engine in range(self.engines):
            for partition, items in self.items.items():
                assert self.ask(engine, "queue.len", id=self.id, partition=partition).value == len(items)
            assert self.ask(engine, "queue.len", id=self.id, total=True).value == sum(map(len, self.items.values()))


class EphemeralQueueMachine(QueueMachine):
    name = None


class TwoEnginesQueueMachine(QueueMachine):
    engines = 2


BUDGET = settings(max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
TestNamedQueue = QueueMachine.TestCase
TestNamedQueue.settings = BUDGET
TestEphemeralQueue = EphemeralQueueMachine.TestCase
TestEphemeralQueue.settings = BUDGET
TestQueueOfTwoEngines = TwoEnginesQueueMachine.TestCase
TestQueueOfTwoEngines.settings = BUDGET
