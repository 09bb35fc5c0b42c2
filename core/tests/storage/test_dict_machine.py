"""Dicts against a Python dict: in memory, in the file, and in the file through two engines at once."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from intermodal.storage import Reply, StateService

KEYS = st.sampled_from([b"", b"\x00", b"k", b"key", b"K" * 1_000])
VALUES = st.binary(max_size=20)
ENGINES = st.integers(0, 1)


class DictMachine(RuleBasedStateMachine):
    """Every answer, the order of entries included, is what a Python dict would give."""

    engines = 1
    name: str | None = "d"

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.directory = tempfile.TemporaryDirectory()
        self.services = [StateService(Path(self.directory.name)) for _ in range(self.engines)]
        self.model: dict[bytes, bytes] = {b"first": b"1"}
        created = self.ask(0, "dict.create", [b"first", b"1"], name=self.name, create_if_missing=True)
        self.id = created.value["id"]

    def teardown(self) -> None:
        for service in self.services:
            self.loop.run_until_complete(service.close())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        self.directory.cleanup()

    def ask(self, engine: int, method: str, segments: list[bytes] | None = None, **params: Any) -> Reply:
        handled = self.services[engine % self.engines].handle(method, params, segments or [])
        return self.loop.run_until_complete(handled)

    def found(self, reply: Reply) -> bytes | None:
        assert reply.value is (len(reply.segments) == 1)
        return reply.segments[0] if reply.value else None

    @rule(engine=ENGINES, key=KEYS, value=VALUES)
    def put(self, engine: int, key: bytes, value: bytes) -> None:
        assert self.ask(engine, "dict.put", [key, value], id=self.id).value is True
        self.model[key] = value

    @rule(engine=ENGINES, key=KEYS, value=VALUES)
    def put_new(self, engine: int, key: bytes, value: bytes) -> None:
        stored = self.ask(engine, "dict.put", [key, value], id=self.id, skip_if_exists=True).value
        assert stored is (key not in self.model)
        self.model.setdefault(key, value)

    @rule(engine=ENGINES, key=KEYS)
    def get(self, engine: int, key: bytes) -> None:
        assert self.found(self.ask(engine, "dict.get", [key], id=self.id)) == self.model.get(key)

    @rule(engine=ENGINES, key=KEYS)
    def pop(self, engine: int, key: bytes) -> None:
        assert self.found(self.ask(engine, "dict.pop", [key], id=self.id)) == self.model.pop(key, None)

    @rule(engine=ENGINES, key=KEYS)
    def contains(self, engine: int, key: bytes) -> None:
        assert self.ask(engine, "dict.contains", [key], id=self.id).value is (key in self.model)

    @rule(engine=ENGINES, entries=st.lists(st.tuples(KEYS, VALUES)))
    def update(self, engine: int, entries: list[tuple[bytes, bytes]]) -> None:
        self.ask(engine, "dict.update", [part for entry in entries for part in entry], id=self.id)
        self.model.update(entries)

    @rule(engine=ENGINES)
    def clear(self, engine: int) -> None:
        self.ask(engine, "dict.clear", id=self.id)
        self.model.clear()

    @rule(engine=ENGINES, what=st.sampled_from(["keys", "values", "items"]), limit=st.integers(1, 4))
    def iterate(self, engine: int, what: str, limit: int) -> None:
        seen: list[bytes] = []
        page = {"cursor": 0, "more": True}
        while page["more"]:
            reply = self.ask(engine, "dict.iterate", id=self.id, what=what, after=page["cursor"], limit=limit)
            page = reply.value
            seen += reply.segments
        items = [part for item in self.model.items() for part in item]
        assert seen == {"keys": items[::2], "values": items[1::2], "items": items}[what]

    @invariant()
    def lengths_agree(self) -> None:
        for engine in range(self.engines):
            assert self.ask(engine, "dict.len", id=self.id).value == len(self.model)


class EphemeralDictMachine(DictMachine):
    name = None


class TwoEnginesDictMachine(DictMachine):
    engines = 2


BUDGET = settings(max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck))
TestNamedDict = DictMachine.TestCase
TestNamedDict.settings = BUDGET
TestEphemeralDict = EphemeralDictMachine.TestCase
TestEphemeralDict.settings = BUDGET
TestDictOfTwoEngines = TwoEnginesDictMachine.TestCase
TestDictOfTwoEngines.settings = BUDGET
