"""The storage in a bucket of a real S3 server: the same contract as the directory's, and what a network adds."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from intermodal.exception import BackendError, ConfigError, DamagedBlobError, InvalidError
from intermodal.plugins import CollectableStorage, Config
from intermodal.storage import collect, verify
from intermodal.storage.default import intermodal_addoption, intermodal_storage
from intermodal.storage.s3 import S3Storage
from s3_server import FaultyWay, S3Server
from storage_machine import StorageMachine, listed

#: Past the end of this second of the server's clock: nothing is too young.
NO_GRACE = -5.0
_PREFIXES = itertools.count()

OPEN = """
import sys
from pathlib import Path
from intermodal.plugins import Config
from intermodal.storage.default import intermodal_addoption, intermodal_storage

def open_storage():
    config = Config.load(Path("/"), environ={"INTERMODAL_STORAGE": sys.argv[1]}, command_line={})
    intermodal_addoption(config.options)
    return intermodal_storage(config)
"""
RACER = f"""
import asyncio
{OPEN}

async def main():
    storage = open_storage()
    for _ in range(int(sys.argv[2])):
        while True:
            now = await storage.read_ref("pin/counter")
            if await storage.swap_ref("pin/counter", now, str(int(now or 0) + 1)):
                break
    await storage.close()

asyncio.run(main())
"""
USER = f"""
import asyncio, os, random
{OPEN}

async def main(rng):
    tested = os.getppid()
    print("ready", flush=True)
    while os.getppid() == tested:
        storage = open_storage()
        await storage.lease()
        blobs = [await storage.put(bytes([n]) * 50_000) for n in rng.sample(range(8), 3)]
        for blob in blobs:
            name = f"pin/{{rng.randrange(4)}}"
            await storage.swap_ref(name, await storage.read_ref(name), blob if rng.random() < 0.7 else None)
        await storage.close()
        print("again", flush=True)

asyncio.run(main(random.Random(int(sys.argv[2]))))
"""


@pytest.fixture(scope="module")
def bucket(s3_server: S3Server) -> str:
    """A bucket for the tests of this file; each takes a prefix of its own."""
    return s3_server.bucket()


@pytest.fixture
def place(s3_server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new place in the bucket, and the environment of who may use it."""
    for name, value in s3_server.variables.items():
        monkeypatch.setenv(name, value)
    return f"s3://{bucket}/t{next(_PREFIXES)}/x"


def configured(place: str, **more: str) -> Config:
    environ = {"INTERMODAL_STORAGE": place, **{f"INTERMODAL_S3_{name.upper()}": text for name, text in more.items()}}
    config = Config.load(Path("/"), environ=environ, command_line={})
    intermodal_addoption(config.options)
    return config


def open_at(place: str, **more: str) -> S3Storage:
    storage = intermodal_storage(configured(place, **more))
    assert isinstance(storage, S3Storage)
    return storage


class Bucket:
    """A fresh prefix; `home` is set for the whole test."""

    grace_s = NO_GRACE
    home = ""

    def __init__(self) -> None:
        self._place = f"{self.home}/m{next(_PREFIXES)}"

    def open(self) -> S3Storage:
        return open_at(self._place)

    def close(self) -> None:
        return None


class S3Machine(StorageMachine):
    place = Bucket


def test_it_does_what_the_model_does(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blobs, references and collections, through two handles."""
    from hypothesis.stateful import run_state_machine_as_test

    monkeypatch.setattr(Bucket, "home", place)
    budget = settings(max_examples=6, stateful_step_count=10, deadline=None, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(S3Machine, settings=budget)  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("size", [0, 1, 3_000_000, 40_000_000])
def test_what_was_put_comes_back(place: str, tmp_path: Path, size: int) -> None:
    """By get and stream, from bytes and from a file; larger ones go in parts."""
    data = os.urandom(size)
    (tmp_path / "source").write_bytes(data)

    async def main() -> None:
        storage = open_at(place)
        assert isinstance(storage, CollectableStorage)
        blob = await storage.put(tmp_path / "source")
        assert blob == await storage.put(data) == hashlib.sha256(data).hexdigest()
        assert await storage.has(blob)
        assert await storage.get(blob) == data
        assert b"".join([piece async for piece in storage.stream(blob, 1 << 20)]) == data
        assert (await listed(storage))[blob].size == size
        await storage.close()

    asyncio.run(main())


@pytest.mark.parametrize("blob", ["0" * 64, "", "../../x", "G" * 64])
def test_an_unknown_blob_is_a_key_error(place: str, blob: str) -> None:
    """As with every storage."""

    async def main() -> None:
        storage = open_at(place)
        with pytest.raises(KeyError, match="blob"):
            await storage.get(blob)
        with pytest.raises(KeyError, match="blob"):
            async for _ in storage.stream(blob):
                pass

    asyncio.run(main())


def test_a_file_that_changes_while_it_is_sent_is_refused(place: str, tmp_path: Path) -> None:
    """Nothing appears under the name of what it was."""
    source = tmp_path / "source"
    source.write_bytes(bytes(20_000_000))
    was = hashlib.sha256(bytes(20_000_000)).hexdigest()

    async def main() -> None:
        storage = open_at(place)
        has = storage._use

        async def change(blob: str, size: int | None = None) -> bool:
            source.write_bytes(b"x" * 20_000_000)  # it was hashed, and is about to be sent
            return await has(blob, size)

        storage._use = change  # type: ignore[method-assign]
        with pytest.raises(InvalidError, match="was changed while it was read"):
            await storage.put(source)
        assert not await open_at(place).has(was)

    asyncio.run(main())


def test_a_damaged_blob_is_never_given_to_anybody(s3_server: S3Server, place: str) -> None:
    """The error names it and the command; a put by who saw it repairs the store; verifying finds it."""
    import obstore

    bucket, _, prefix = place.removeprefix("s3://").partition("/")

    async def main() -> None:
        storage = open_at(place)
        blob = await storage.put(b"abcdef")
        key = f"{prefix}/blobs/{blob[:2]}/{blob}"
        await obstore.put_async(s3_server.client(bucket), key, b"abcdeF")
        with pytest.raises(DamagedBlobError, match=f"{blob}.*intermodal storage verify"):
            await storage.get(blob)
        pieces: list[bytes] = []
        with pytest.raises(DamagedBlobError):
            pieces.extend([piece async for piece in storage.stream(blob, 3)])
        assert len(b"".join(pieces)) < 6
        assert [*(await verify(open_at(place))).damaged] == [blob]
        assert await storage.put(b"abcdef") == blob
        assert await storage.get(blob) == b"abcdef"
        assert (await verify(storage)).sound

    asyncio.run(main())


def test_references_move_only_from_what_was_expected(place: str) -> None:
    """Compare and swap, with None for "there is none"; any name is one reference."""

    async def main() -> None:
        storage = open_at(place)
        names = ["v", "a/b", "..", ".", "../../x", "ü \n", "r.ref", "a=b%2F~", "%2E"]
        for name in names:
            assert await storage.read_ref(name) is None
            assert not await storage.swap_ref(name, "1", "2")
            assert await storage.swap_ref(name, None, "1")
            assert not await storage.swap_ref(name, None, "2")
            assert await storage.swap_ref(name, "1", "")
            assert await storage.read_ref(name) == ""
            assert await storage.swap_ref(name, "", "3")
        assert await storage.refs() == sorted(names)
        assert await storage.swap_ref("v", "3", None)
        assert await storage.read_ref("v") is None
        assert await storage.refs() == sorted(names[1:])
        assert await storage.swap_ref("v", None, "4")
        assert await storage.read_ref("v") == "4"
        with pytest.raises(InvalidError, match="1 to 240"):
            await storage.read_ref("x" * 241)

    asyncio.run(main())


def test_racing_processes_lose_no_swap(place: str) -> None:
    """Processes that count up one reference by compare-and-swap arrive at the sum."""
    racers = [subprocess.Popen([sys.executable, "-c", RACER, place, "12"]) for _ in range(3)]
    assert [racer.wait(timeout=120) for racer in racers] == [0, 0, 0]
    assert asyncio.run(open_at(place).read_ref("pin/counter")) == "36"


@pytest.fixture
def way(s3_server: S3Server) -> Iterator[FaultyWay]:
    """To the server, as the test wants it to fail."""
    way = FaultyWay(s3_server)
    yield way
    way.close()


@pytest.mark.parametrize(
    "faults",
    [["500"], ["500"] * 3, ["cut"], ["lost"], ["lost", "500", "lost"], ["cut", "lost"]],
    ids=lambda faults: "-".join(faults),
)
def test_a_move_whose_answer_was_lost_is_known_for_what_it_was(place: str, way: FaultyWay, faults: list[str]) -> None:
    """Errors of the server and lost connections are tried again; one that had won meanwhile has won, once."""

    async def main() -> None:
        storage, other = open_at(place, endpoint_url=way.endpoint), open_at(place)
        for before, after in ((None, "1"), ("1", "2"), ("2", None)):
            way.faults = list(faults)
            assert await storage.swap_ref("pin/a", before, after)
            assert way.faults == []
            assert await other.read_ref("pin/a") == after
        assert way.met == 3 * len(faults)

    asyncio.run(main())


def test_a_move_that_won_and_was_moved_on_by_another_has_won(place: str, way: FaultyWay) -> None:
    """Its answer was lost, and the next one came before it could look."""

    async def main() -> None:
        storage, other = open_at(place, endpoint_url=way.endpoint), open_at(place)
        assert await other.swap_ref("pin/a", None, "0")
        read = storage._refs._read
        looks = 0

        async def look(key: str):
            nonlocal looks
            looks += 1
            if looks == 2:  # after the answer was lost
                assert await other.swap_ref("pin/a", "1", "2")
            return await read(key)

        storage._refs._read = look  # type: ignore[method-assign]
        way.faults = ["lost"]
        assert await storage.swap_ref("pin/a", "0", "1")
        assert looks == 2
        assert await other.read_ref("pin/a") == "2"

    asyncio.run(main())


def test_what_was_asked_for_stays_while_a_lease_lives(place: str) -> None:
    """Also what others put long before it began; after its end only the grace counts."""

    async def main() -> None:
        storage, session = open_at(place), open_at(place)
        held, free = await storage.put(b"held"), await storage.put(b"free")
        await asyncio.sleep(1.1)  # the server's stamps have whole seconds
        await session.lease()
        assert await session.has(held)
        assert (await collect(storage, grace_s=3600.0)).removed == ()
        assert (await collect(storage, grace_s=NO_GRACE)).removed == (free,)
        await session.close()
        assert (await collect(storage, grace_s=NO_GRACE)).removed == (held,)
        await storage.close()

    asyncio.run(main())


def test_who_begins_to_use_a_blob_amid_its_removal_stores_it_again(place: str) -> None:
    """A sweep that has looked and not yet removed gives notice: who comes in between waits, and looks again."""

    async def main() -> None:
        sweeper, user = open_at(place), open_at(place)
        blob = await sweeper.put(b"x")
        found = asyncio.Event()
        delete = sweeper._objects.delete

        async def slow_delete(key: str) -> None:
            if "blobs/" in key:
                found.set()
                while not [use async for use in user._objects.list("uses")]:
                    await asyncio.sleep(0.01)
            await delete(key)

        sweeper._objects.delete = slow_delete  # type: ignore[method-assign]
        sweeping = asyncio.create_task(collect(sweeper, grace_s=NO_GRACE))
        await found.wait()
        putting = asyncio.create_task(user.put(b"x"))
        assert (await sweeping).removed == (blob,)
        assert await putting == blob
        assert await user.get(blob) == b"x"

    asyncio.run(main())


def test_users_that_are_killed_leave_all_that_references_need(place: str) -> None:
    """Two users and a collector at once, without any grace; kill -9 at any moment, and again."""

    async def main() -> None:
        storage = open_at(place)
        for turn in range(2):
            users = [
                subprocess.Popen([sys.executable, "-c", USER, place, str(turn * 2 + n)], stdout=subprocess.PIPE)
                for n in range(2)
            ]
            for user in users:
                assert user.stdout is not None
                await asyncio.to_thread(user.stdout.readline)
                await asyncio.to_thread(user.stdout.readline)
            for _ in range(3):
                await collect(storage, grace_s=-1.0)
            for user in users:
                user.kill()
                user.communicate()
            found = await verify(storage)
            assert found.sound, found
        await storage.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("s3://", "no name of a bucket"),
        ("s3://UPPER/x", "no name of a bucket"),
        ("s3://fine/a//b", "prefix"),
        ("s3://fine/../b", "prefix"),
        ("gs://fine", "s3://BUCKET"),
        ("/a/path", "data_dir"),
    ],
)
def test_a_place_that_cannot_be_is_refused(text: str, why: str) -> None:
    """The error names the setting's source and how to write it."""
    with pytest.raises(ConfigError, match=f"INTERMODAL_STORAGE.*{why}"):
        intermodal_storage(configured(text))


def test_wrong_credentials_are_an_error_without_them(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to check, and repeats nothing secret of what the server says."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "quite-wrong-and-secret")

    async def main() -> None:
        storage = open_at(place)
        for work in (storage.put(b"x"), storage.get("0" * 64), storage.swap_ref("a", None, "1"), storage.refs()):
            with pytest.raises(BackendError, match=r"may not.*AWS_SECRET_ACCESS_KEY") as caught:
                await work
            assert "quite-wrong" not in str(caught.value)
            assert "intermodal-tests" not in str(caught.value)
            assert caught.value.__suppress_context__

    asyncio.run(main())


def test_credentials_come_from_a_profile_too(s3_server: S3Server, place: str, tmp_path: Path, monkeypatch) -> None:
    """AWS_PROFILE in the usual file, where no variable has others."""
    (tmp_path / "credentials").write_text(
        f"[tests]\naws_access_key_id = {s3_server.access_key}\naws_secret_access_key = {s3_server.secret_key}\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "tests")
    assert asyncio.run(open_at(place).put(b"x"))
    monkeypatch.setenv("AWS_PROFILE", "others")
    with pytest.raises(ConfigError, match="'others'"):
        open_at(place)


def test_a_store_that_is_not_there_is_an_error_in_bounded_time(place: str) -> None:
    """Nothing waits for ever; the message names the settings to check."""
    began = time.monotonic()
    with pytest.raises(BackendError, match=r"s3\.endpoint_url"):
        asyncio.run(open_at(place, endpoint_url="http://127.0.0.1:1").put(b"x"))
    assert time.monotonic() - began < 100


def test_a_session_keeps_its_files_in_the_bucket(place: str, tmp_path: Path) -> None:
    """Chosen by configuration: a run stores its source there, and another machine's data directory finds it there."""
    (tmp_path / "app.py").write_text(
        "import intermodal\n"
        "app = intermodal.App('stored')\n"
        "@app.function()\n"
        "def double(n):\n"
        "    return 2 * n\n"
        "@app.local_entrypoint()\n"
        "def main():\n"
        "    print(double.remote(21))\n"
    )
    (tmp_path / "pyproject.toml").write_text(f'[tool.intermodal]\nstorage = "{place}"\n')
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INTERMODAL_")}

    def intermodal(*words: str, data: str = "data") -> str:
        done = subprocess.run(
            [sys.executable, "-m", "intermodal.cli", *words],
            cwd=tmp_path,
            env={**kept, "INTERMODAL_DATA_DIR": str(tmp_path / data)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert os.environ["AWS_SECRET_ACCESS_KEY"] not in done.stdout + done.stderr
        return done.stdout

    assert intermodal("run", "app.py", data="one") == "42\n"
    stored = asyncio.run(listed(open_at(place)))
    assert stored
    assert intermodal("run", "app.py", data="two") == "42\n"
    assert "all sound" in intermodal("storage", "verify")
    assert f"{len(stored)} stay" in intermodal("storage", "gc")
    assert place in intermodal("config")
