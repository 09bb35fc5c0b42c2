"""Sessions: their ends, several on one host, and the suite as an ordinary user."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from intermodal.plugins import LaunchBusy
from intermodal.plugins.gpus import LockedGpus, declared_gpus
from intermodal.specs import Resources
from intermodal_local.launcher import machine_memory
from ordinary_user import ordinary_user

_CLIENT = """
import asyncio, sys
sys.path.insert(0, {here!r})
from conftest import Session
from pathlib import Path

async def main():
    session = Session(Path({data!r}), Path({bundle!r}), "namespaces")
    container = await session.start("orphan")
    await session.ask(container, "import subprocess; r = subprocess.Popen(['setsid', 'sleep', '98762']).pid")
    print("up", session.launcher._link.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_killed_client_leaves_no_process_directory_or_cgroup(local: Any) -> None:
    """kill -9 of the client: its supervisor ends all containers, removes all traces, and ends."""
    code = _CLIENT.format(
        here=os.path.dirname(__file__), data=str(local.folder / "data"), bundle=str(local.folder / "bundle")
    )
    client = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert client.stdout is not None
    with client.stdout:
        supervisor = int(client.stdout.readline().split()[1])
    session = next(local.runs.glob("[0-9a-f]*")).name
    watched = os.pidfd_open(supervisor)
    client.send_signal(signal.SIGKILL)
    client.wait()
    poll = __import__("select").poll()
    poll.register(watched, 1)
    assert poll.poll(10_000)
    os.close(watched)
    assert not list(Path("/sys/fs/cgroup").glob(f"*/**/intermodal-{session}"))
    assert b"98762" not in subprocess.run(["ps", "axo", "args"], capture_output=True, check=True).stdout


_DIES_WHILE_LAUNCHING = """
import asyncio, os, sys
sys.path.insert(0, {here!r})
from conftest import Session
from pathlib import Path

async def main():
    session = Session(Path({data!r}), Path({bundle!r}), "namespaces")
    await session.start("first")
    launches = [
        asyncio.create_task(session.launcher.launch(session.spec(f"c{{n}}"), session.image, None, b"", lambda *_: None))
        for n in range(20)
    ]
    print(session.launcher._link.pid, flush=True)
    await launches[0]
    os.kill(os.getpid(), 9)

asyncio.run(main())
"""


def test_a_client_that_dies_while_containers_start_leaves_nothing(local: Any) -> None:
    """What its supervisor has to tell it then reaches nobody, which does not keep it from cleaning up."""
    code = _DIES_WHILE_LAUNCHING.format(
        here=os.path.dirname(__file__), data=str(local.folder / "data"), bundle=str(local.folder / "bundle")
    )
    for _ in range(3):
        client = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert client.returncode == -signal.SIGKILL, client.stderr
        deadline = time.monotonic() + 20
        while list(local.runs.glob("[0-9a-f]*")):
            assert time.monotonic() < deadline, client.stderr
            time.sleep(0.01)
        assert "Traceback" not in client.stderr


def test_two_sessions_never_promise_more_than_the_host_has(local: Any) -> None:
    """A second session is told that the host is busy while the first holds the memory, and gets it afterwards."""

    async def scenario() -> None:
        most = Resources(memory=machine_memory() * 2 // 3)
        async with local.open() as first, local.open() as second:
            container = await first.start("holds", resources=most)
            with pytest.raises(LaunchBusy, match="MiB"):
                await second.start("waits", resources=most)
            await container.kill()
            await container.wait()
            await second.start("waits", resources=most)

    asyncio.run(scenario())


def test_devices_are_exclusive_until_every_holder_is_gone(local: Any) -> None:
    """Two allocators on one folder never give one device twice; a descriptor passed on keeps it."""

    async def scenario() -> None:
        devices = declared_gpus(["H100:2", "T4"], "test")
        one, two = (LockedGpus(devices, local.folder / "gpus") for _ in range(2))
        lease = await one.acquire("H100", 2)
        assert lease is not None
        assert await two.acquire("H100", 1) is None
        assert dict(lease.env)["CUDA_VISIBLE_DEVICES"] == "0,1"
        kept = [os.dup(fd) for fd in lease.fds]
        await one.release(lease)
        await one.release(lease)
        assert await two.acquire("H100", 1) is None
        for fd in kept:
            os.close(fd)
        again = await two.acquire("H100", 1)
        other = await one.acquire(None, 1)
        assert again is not None
        assert other is not None
        assert other.devices != again.devices
        await two.release(again)
        await one.release(other)

    asyncio.run(scenario())


@pytest.mark.skipif(os.getuid() != 0, reason="this is that user")
def test_the_suite_passes_as_an_ordinary_user() -> None:
    """An ordinary user, made for this, runs the tests of containers."""
    with ordinary_user() as user:
        done = user.run("pytest", "-q", "-p", "no:cacheprovider", str(Path(__file__).parent / "test_containers.py"))
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
