"""A storage against a model: blobs, references, collections that a crash cuts short. For every implementation."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from intermodal.plugins import CollectableStorage, StoredBlob
from intermodal.storage import collect, verify

DATA = st.sampled_from([b"", b"a", b"b", b"\x00" * 70_000])
NAMES = st.sampled_from(["pin/one", "pin/two", "pin/ü/..", "pin/x y"])
HANDLES = st.integers(0, 1)


class Crash(BaseException):
    """The process ends here."""


class CutShort:
    """A storage whose user crashes after so many removals."""

    def __init__(self, storage: CollectableStorage, removals: int) -> None:
        self._storage = storage
        self._left = removals

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    async def remove(self, blobs: Sequence[str], before: float) -> Mapping[str, int]:
        removed = await self._storage.remove(blobs[: self._left], before)
        if len(blobs) > self._left:
            raise Crash
        return removed


def name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def listed(storage: CollectableStorage) -> dict[str, StoredBlob]:
    found: AsyncIterator[StoredBlob] = storage.list_blobs()
    return {blob.id: blob async for blob in found}


class StorageMachine(RuleBasedStateMachine):
    """Two handles on one storage; `open_storage` gives another one on the same place."""

    #: Makes a fresh place, and closes it.
    place: ClassVar[Any]

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.here = self.place()
        self.handles: list[CollectableStorage] = [self.here.open() for _ in range(2)]
        self.blobs: dict[str, bytes] = {}
        self.refs: dict[str, str] = {}

    def teardown(self) -> None:
        for handle in self.handles:
            self.do(handle.close())
        self.here.close()
        self.do(self.loop.shutdown_default_executor())
        self.loop.close()

    def do(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    @rule(handle=HANDLES, data=DATA)
    def put(self, handle: int, data: bytes) -> None:
        assert self.do(self.handles[handle].put(data)) == name_of(data)
        self.blobs[name_of(data)] = data

    @rule(handle=HANDLES, data=DATA)
    def read(self, handle: int, data: bytes) -> None:
        storage, blob = self.handles[handle], name_of(data)
        assert self.do(storage.has(blob)) is (blob in self.blobs)
        if blob in self.blobs:
            assert self.do(storage.get(blob)) == data
            return
        try:
            self.do(storage.get(blob))
        except KeyError:
            return
        raise AssertionError("a blob that was never put, or was removed, was read")

    @rule(handle=HANDLES, name=NAMES, data=DATA, expected=st.sampled_from(["now", "other", "none"]))
    def point(self, handle: int, name: str, data: bytes, expected: str) -> None:
        self.put(handle, data)  # as whoever makes a reference does
        now = self.refs.get(name)
        told = {"now": now, "other": "0" * 64, "none": None}[expected]
        moved = self.do(self.handles[handle].swap_ref(name, told, name_of(data)))
        assert moved is (told == now)
        if moved:
            self.refs[name] = name_of(data)

    @rule(handle=HANDLES, name=NAMES)
    def drop(self, handle: int, name: str) -> None:
        now = self.refs.pop(name, None)
        assert self.do(self.handles[handle].swap_ref(name, now, None)) is True

    @rule(handle=HANDLES, hour=st.booleans(), dry_run=st.booleans())
    def collect(self, handle: int, hour: bool, dry_run: bool) -> None:
        before = self.do(listed(self.handles[handle]))
        found = self.do(collect(self.handles[handle], grace_s=3600.0 if hour else self.here.grace_s, dry_run=dry_run))
        unneeded = set() if hour else {*self.blobs} - {*self.refs.values()}
        assert {*found.removed} == unneeded
        assert found.bytes_freed == sum(before[blob].size for blob in unneeded)
        if not dry_run:
            for blob in unneeded:
                del self.blobs[blob]
        assert found.kept == len(before) - len(unneeded)

    @rule(handle=HANDLES, removals=st.integers(0, 2))
    def collect_and_crash(self, handle: int, removals: int) -> None:
        unneeded = {*self.blobs} - {*self.refs.values()}
        cut: Any = CutShort(self.handles[handle], removals)
        try:
            self.do(collect(cut, grace_s=self.here.grace_s))
        except Crash:
            assert len(unneeded) > removals
        left = self.do(listed(self.handles[handle]))
        gone = {*self.blobs} - {*left}
        assert gone <= unneeded
        assert len(gone) == min(removals, len(unneeded))
        for blob in gone:
            del self.blobs[blob]

    @rule(handle=HANDLES, data=DATA)
    def collect_under_a_lease(self, handle: int, data: bytes) -> None:
        """What is used while somebody holds a lease stays, whatever the grace."""
        lessee = self.here.open()
        self.do(lessee.lease())
        self.do(lessee.put(data))
        self.blobs[name_of(data)] = data
        found = self.do(collect(self.handles[handle], grace_s=self.here.grace_s))
        assert name_of(data) not in found.removed
        for blob in found.removed:
            assert blob not in self.refs.values()
            del self.blobs[blob]
        self.do(lessee.close())

    @invariant()
    def all_is_as_in_the_model(self) -> None:
        for storage in self.handles:
            assert {*self.do(listed(storage))} == {*self.blobs}
            assert self.do(storage.refs()) == sorted(self.refs)
            assert {name: self.do(storage.read_ref(name)) for name in self.refs} == self.refs

    @invariant()
    def it_verifies(self) -> None:
        found = self.do(verify(self.handles[0]))
        assert found.sound
        assert (found.blobs, found.bytes) == (len(self.blobs), sum(map(len, self.blobs.values())))
