"""Collecting garbage from the data directory: what a reference or a session needs stays, whatever is killed."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from intermodal.exception import DamagedBlobError
from intermodal.plugins import Storage
from intermodal.storage import DirectoryStorage, collect, verify
from intermodal.storage.reach import UnreadableReference, trace
from storage_machine import StorageMachine

#: A user: takes a lease, puts blobs (mostly some that were there before), lets references reach them, goes; again.
USER = """
import asyncio, os, random, sys
from pathlib import Path
from intermodal.storage import DirectoryStorage

async def main(root, seed):
    rng = random.Random(seed)
    tested = os.getppid()
    print("ready", flush=True)
    while os.getppid() == tested:
        storage = DirectoryStorage(root)
        await storage.lease()
        blobs = []
        for n in rng.sample(range(12), 4):
            data = bytes([n]) * 200_000
            blobs.append(await storage.put(data))
        for blob in blobs:
            name = f"pin/{rng.randrange(6)}"
            await storage.swap_ref(name, await storage.read_ref(name), blob if rng.random() < 0.7 else None)
        await storage.close()

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""
COLLECTOR = """
import asyncio, os, sys
from pathlib import Path
from intermodal.storage import DirectoryStorage, collect

async def main(root):
    storage = DirectoryStorage(root)
    tested = os.getppid()
    print("ready", flush=True)
    while os.getppid() == tested:
        found = await collect(storage, grace_s=0.0)
        if found.removed:
            print(*found.removed, flush=True)

asyncio.run(main(Path(sys.argv[1])))
"""


class Directory:
    """A fresh data directory."""

    grace_s = 0.0

    def __init__(self) -> None:
        self._root = tempfile.TemporaryDirectory()

    def open(self) -> DirectoryStorage:
        return DirectoryStorage(Path(self._root.name))

    def close(self) -> None:
        self._root.cleanup()


class DirectoryMachine(StorageMachine):
    place = Directory


TestDirectory = DirectoryMachine.TestCase
TestDirectory.settings = settings(
    max_examples=20, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)


def damage(storage: DirectoryStorage, blob: str) -> None:
    """Let its file have other bytes."""
    path = storage.blobs.path(blob)
    path.chmod(0o600)
    path.write_bytes(b"something else")


def start(code: str, *words: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_users_and_collectors_that_are_killed_leave_all_that_references_need(tmp_path: Path) -> None:
    """Two users and two collectors at once, without any grace; kill -9 at any moment, and again."""
    rng = random.Random(7)
    removed = 0
    for turn in range(4):
        users = [start(USER, tmp_path, turn * 2 + n) for n in range(2)]
        collectors = [start(COLLECTOR, tmp_path) for _ in range(2)]
        for collector in collectors:
            assert collector.stdout is not None
            removed += len(collector.stdout.readline().split())  # so that both kinds have been at work
        time.sleep(rng.random() * 0.1)  # the moment of the kill is what the test draws
        for process in rng.sample([*users, *collectors], 4):
            process.kill()
        for process in [*users, *collectors]:
            process.communicate(timeout=60)
        found = asyncio.run(verify(DirectoryStorage(tmp_path)))
        assert found.sound, found
    assert removed


def test_what_is_asked_for_again_is_young_again(tmp_path: Path) -> None:
    """`put` and `has` of what is there count as use; reading what was stored does not harm what was checked."""

    async def main() -> None:
        storage = DirectoryStorage(tmp_path)
        blobs = [await storage.put(bytes([n])) for n in range(4)]
        for blob in blobs:
            os.utime(storage.blobs.path(blob), (1.0, 1.0))
        assert await storage.has(blobs[0])
        assert await storage.put(b"\x01") == blobs[1]
        found = await collect(storage, grace_s=3600.0)
        assert {*found.removed} == {*blobs[2:]}
        assert [await storage.has(blob) for blob in blobs] == [True, True, False, False]

    asyncio.run(main())


def test_use_between_the_look_and_the_removal_saves_a_blob(tmp_path: Path) -> None:
    """A collection that found a blob unused asks again when it removes it."""

    async def main() -> None:
        storage, other = DirectoryStorage(tmp_path), DirectoryStorage(tmp_path)
        blob = await storage.put(b"x")
        before = await storage.now()
        assert await other.has(blob)
        assert await storage.remove([blob], before) == {}
        assert await storage.remove([blob], await storage.now()) == {blob: 1}
        assert await storage.remove([blob], await storage.now()) == {}

    asyncio.run(main())


async def trace_list(value: str, storage: Storage) -> AsyncIterator[str]:
    """A blob with the names of others, one a line."""
    yield value
    for line in (await storage.get(value)).decode().splitlines():
        yield line


LISTS: Mapping[str, str] = {"list": f"{__name__}:trace_list"}


def test_a_tracer_follows_what_its_references_name(tmp_path: Path) -> None:
    """What a blob of theirs names stays, too."""

    async def main() -> None:
        storage = DirectoryStorage(tmp_path)
        leaf, other = await storage.put(b"leaf"), await storage.put(b"other")
        root = await storage.put(leaf.encode())
        assert await storage.swap_ref("list/a", None, root)
        found = await collect(storage, grace_s=0.0, tracers=LISTS)
        assert found.removed == (other,)
        assert (found.kept, found.needed) == (2, 2)

    asyncio.run(main())


@pytest.mark.parametrize("wrong", ["kind", "missing", "damaged"])
def test_nothing_goes_while_a_reference_cannot_be_followed(tmp_path: Path, wrong: str) -> None:
    """Of a kind that nothing here knows, or whose blob is missing or damaged; verifying names it."""

    async def main() -> None:
        storage = DirectoryStorage(tmp_path)
        unused, root = await storage.put(b"unused"), await storage.put(b"")
        name = "lost/a" if wrong == "kind" else "list/a"
        assert await storage.swap_ref(name, None, "0" * 64 if wrong == "missing" else root)
        if wrong == "damaged":
            damage(storage, root)
        with pytest.raises(UnreadableReference, match=f"{name}.*storage verify"):
            await collect(storage, grace_s=0.0, tracers=LISTS)
        assert await storage.has(unused)
        found = await verify(storage, LISTS)
        assert not found.sound
        assert [*found.unreadable] == [name]

    asyncio.run(main())


def test_a_reference_that_moves_while_all_are_followed_is_seen(tmp_path: Path) -> None:
    """A reference that gets another name between two looks is followed under the new one."""

    class Moving(DirectoryStorage):
        async def read_ref(self, name: str) -> str | None:
            if name == "pin/z" and (value := await super().read_ref(name)):
                await self.swap_ref("pin/a", None, value)  # a name that was looked at before
                await self.swap_ref("pin/z", value, None)
                return None
            return await super().read_ref(name)

    async def main() -> None:
        storage = Moving(tmp_path)
        blob, first = await storage.put(b"x"), await storage.put(b"y")
        await storage.swap_ref("pin/b", None, first)
        await storage.swap_ref("pin/z", None, blob)
        reach = await trace(storage)
        assert {*reach.needed} == {blob, first}

    asyncio.run(main())


def test_verifying_tells_damaged_from_missing(tmp_path: Path) -> None:
    """Each with what needs it; reading one raises an error that names the blob and the command."""

    async def main() -> None:
        storage = DirectoryStorage(tmp_path)
        bad, good = await storage.put(b"bad"), await storage.put(b"good")
        await storage.swap_ref("pin/good", None, good)
        await storage.swap_ref("pin/gone", None, "1" * 64)
        damage(storage, bad)
        with pytest.raises(DamagedBlobError, match=f"{bad}.*intermodal storage verify"):
            await storage.get(bad)
        await storage.put(b"bad")
        damage(storage, bad)
        found = await verify(storage)
        assert [*found.damaged] == [bad]
        assert found.missing == {"1" * 64: "pin/gone"}
        assert found.blobs == 2

    asyncio.run(main())
