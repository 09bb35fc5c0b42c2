"""storage.*: the contract of the role."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from intermodal.plugins import Storage
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target, opened

PUT = """
import asyncio, json, sys
from intermodal.plugins import Config, load, set_command_line

set_command_line(json.loads(sys.argv[1]))
storage = load(Config.load()).storage()
print("putting", flush=True)
asyncio.run(storage.put(bytes.fromhex(sys.argv[2]) * (2 << 20)))
"""


@asynccontextmanager
async def storage() -> AsyncIterator[Storage]:
    """The backend's storage."""
    with opened() as host:
        found = host.storage()
        assert found is not None
        try:
            yield found
        finally:
            await host.close_roles()


@requirement("storage.cas")
def test_one_of_many_moves_a_reference(target: Target) -> None:
    """From one value, at the same time, through several handles; None stands for no reference."""
    name = f"conformance-{uuid.uuid4().hex}"

    async def story() -> None:
        async with storage() as one, storage() as two:
            now: str | None = None
            for turn in range(20):
                values = [f"{turn}-{n}" for n in range(8)]
                moves = [(one, two)[n % 2].swap_ref(name, now, value) for n, value in enumerate(values)]
                won = await asyncio.gather(*moves)
                assert won.count(True) == 1
                assert await one.read_ref(name) == await two.read_ref(name) == values[won.index(True)]
                now = values[won.index(True)]
            assert not await one.swap_ref(name, "another", "x")
            assert await two.swap_ref(name, now, None)
            assert await one.read_ref(name) is None

    asyncio.run(story())


@requirement("storage.torn-put")
def test_a_blob_is_whole_or_not_there(target: Target) -> None:
    """Also after its writer was killed at any moment; a blob is named by its SHA-256."""

    async def story() -> None:
        async with storage() as found:
            data = uuid.uuid4().bytes * 100_000
            name = await found.put(data)
            assert name == hashlib.sha256(data).hexdigest()
            assert await found.put(data) == name
            assert await found.get(name) == data
            assert b"".join([piece async for piece in found.stream(name, 65_536)]) == data
            assert not await found.has("0" * 64)
            for wait in (0.0, 0.01, 0.03, 0.1):
                seed = os.urandom(8).hex()
                killed = await asyncio.to_thread(put_and_kill, target.choice, seed, wait)
                if await found.has(killed):
                    assert hashlib.sha256(await found.get(killed)).hexdigest() == killed
                assert await found.put(bytes.fromhex(seed) * (2 << 20)) == killed
                assert await found.has(killed)

    asyncio.run(story())


def put_and_kill(choice: str, seed: str, wait: float) -> str:
    """Have another process put 16 MiB, and kill it after a while; what the blob would be named."""
    with subprocess.Popen([sys.executable, "-c", PUT, choice, seed], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "putting\n"
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
    return hashlib.sha256(bytes.fromhex(seed) * (2 << 20)).hexdigest()
