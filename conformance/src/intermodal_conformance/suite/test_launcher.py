"""launcher.*: the contract of the role, without core's engine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from intermodal.exception import CapabilityNotSupported
from intermodal.plugins import Container, ContainerExit
from intermodal.specs import Resources
from intermodal_conformance import traces
from intermodal_conformance.apps.calls import echo
from intermodal_conformance.marks import refusal, requirement
from intermodal_conformance.roles import Roles, scenario
from intermodal_conformance.target import Target

#: Seconds that an exit may take to be reported.
PATIENCE_S = 60.0
_KILLED_AT_ONCE = 4


async def exit_of(container: Container) -> ContainerExit:
    """How it ended."""
    return await asyncio.wait_for(container.wait(), PATIENCE_S)


@requirement("launcher.exit-once")
def test_everybody_who_waits_gets_the_same_exit(target: Target) -> None:
    """Before, at and after the end; with the code that the program gave."""

    async def story(roles: Roles) -> None:
        for code in (0, 7, 255):
            container = await roles.start()
            early = [asyncio.create_task(container.wait()) for _ in range(3)]
            await roles.tell(container, f"os._exit({code})")
            found = await exit_of(container)
            assert (found.cause, found.code) == ("exited", code)
            assert [await task for task in early] == [found] * 3
            assert await exit_of(container) == found
        killed = await roles.start()
        await killed.kill()
        await killed.kill()
        found = await exit_of(killed)
        assert (found.cause, found.code) == ("killed", 137)
        await killed.kill()
        assert await exit_of(killed) == found

    scenario(story)


@requirement("launcher.output")
def test_the_last_bytes_come_before_the_exit(target: Target) -> None:
    """All of both streams, exactly, however the container ends."""

    async def story(roles: Roles) -> None:
        for ending in ("os._exit(0)", "os.kill(os.getpid(), 9)"):
            container = await roles.start()
            text = b"\x00\xffx" * 100_000
            writing = "os.write(1, b'\\x00\\xffx' * 1000)\n" * 100 + "os.write(2, b'last words')\n"
            await roles.tell(container, writing + ending)
            await exit_of(container)
            assert roles.printed(container, 1) == text
            assert roles.printed(container, 2) == b"last words"

    scenario(story)


@requirement("launcher.signals")
@pytest.mark.parametrize("number", [9, 11, 15])
def test_a_signal_is_the_exit_code(target: Target, number: int) -> None:
    """128 and its number."""

    async def story(roles: Roles) -> None:
        container = await roles.start()
        default = f"import signal; signal.signal({number}, signal.SIG_DFL); " if number != 9 else ""
        await roles.tell(container, f"{default}os.kill(os.getpid(), {number})")
        assert (await exit_of(container)).code == 128 + number

    scenario(story)


@requirement("launcher.cancel")
def test_a_launch_that_is_cancelled_leaves_nothing(target: Target) -> None:
    """At any moment of it; what is launched meanwhile and afterwards works."""

    async def story(roles: Roles) -> None:
        await roles.start()
        before = set(traces.descendants())
        for delay in (0.0, 0.001, 0.005, 0.02):
            launch = asyncio.create_task(roles.launch())
            beside = asyncio.create_task(roles.start())
            await asyncio.sleep(delay)
            launch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await (await launch).kill()
            assert await roles.ask(await beside, "r = 1") == "1"
            await (await beside).kill()
            await exit_of(await beside)
        assert await asyncio.to_thread(traces.settle, before, 10.0) == {}

    scenario(story)


@requirement("launcher.descendants")
def test_what_a_container_started_ends_with_it(target: Target) -> None:
    """Daemons, stopped ones and ones without its environment; after a kill and after an exit."""
    mark = traces.new_mark()
    daemons = (
        "import subprocess; "
        f"subprocess.Popen(['setsid', 'sleep', '{mark}']); "
        f"subprocess.Popen(['env', '-i', 'setsid', 'sleep', '{mark}']); "
        f"subprocess.run('(trap \"\" TERM HUP INT; sleep {mark}) & (sleep {mark} & kill -STOP $!)', shell=True); r = 1"
    )

    async def story(roles: Roles) -> None:
        await roles.start()
        before = set(traces.descendants())
        for ending in ("kill", "exit"):
            container = await roles.start()
            assert await roles.ask(container, daemons) == "1"
            if ending == "kill":
                await container.kill()
            else:
                await roles.tell(container, "os._exit(0)")
            await exit_of(container)
            assert await asyncio.to_thread(traces.settle, before, 10.0, mark) == {}

    scenario(story)


@requirement("launcher.oom")
def test_too_much_memory_ends_a_container_and_no_other(target: Target) -> None:
    """As `out_of_memory`, with the limit in words."""

    async def story(roles: Roles) -> None:
        other = await roles.start()
        container = await roles.start(resources=Resources(memory=64, memory_limit=160))
        await roles.tell(container, "x = bytearray(700 << 20); import time; time.sleep(60)")
        found = await exit_of(container)
        assert found.cause == "out_of_memory"
        assert "160" in found.detail
        assert await roles.ask(other, "r = 1") == "1"

    scenario(story)


#: Two busy processes; what they used, in cores.
BURN = """
import time
began = time.monotonic()
for _ in range(2):
    if os.fork() == 0:
        while time.monotonic() < began + 2:
            pass
        os._exit(0)
for _ in range(2):
    os.wait()
used = os.times()
r = (used.children_user + used.children_system) / (time.monotonic() - began)
"""


@requirement("launcher.cpu")
@pytest.mark.parametrize(("limit", "at_most"), [(0.25, 0.4), (1.0, 1.3)])
def test_a_busy_container_gets_no_more_cpu_than_its_limit(target: Target, limit: float, at_most: float) -> None:
    """All of its processes together. A note on the capability says where only whole cores can be told apart."""
    if limit < 1.0 and "limits.cpu" in target.notes:
        at_most = 1.3

    async def story(roles: Roles) -> None:
        container = await roles.start(resources=Resources(cpu=0.1, cpu_limit=limit))
        assert float(await roles.ask(container, BURN)) < at_most

    scenario(story)


@pytest.mark.parametrize(
    ("capability", "options"),
    [
        pytest.param(
            "limits.memory",
            {"memory": (64, 256)},
            id="memory",
            marks=refusal("launcher.oom", capability="limits.memory"),
        ),
        pytest.param(
            "limits.cpu", {"cpu": (0.1, 0.5)}, id="cpu", marks=refusal("launcher.cpu", capability="limits.cpu")
        ),
    ],
)
def test_a_limit_is_refused(target: Target, capability: str, options: dict[str, Any]) -> None:
    """By name."""
    with pytest.raises(CapabilityNotSupported) as caught:
        echo.with_options(**options).remote(1)
    assert caught.value.capability == capability


@requirement("launcher.pids")
def test_a_fork_bomb_meets_a_limit(target: Target) -> None:
    """Then a kill ends all of it soon, and others have not noticed."""
    mark = f"bomb-{traces.new_mark()}"
    bomb = f"""
import time
open('/proc/self/comm', 'w').write({mark!r})
def bomb():
    for n in range(20_000):
        try:
            if os.fork() == 0:
                time.sleep(600)
                os._exit(0)
        except OSError:
            return n
r = bomb()
"""

    async def story(roles: Roles) -> None:
        other = await roles.start()
        before = set(traces.descendants())
        container = await roles.start()
        answer = await roles.ask(container, bomb)
        assert answer.isdigit(), f"20,000 processes were started: {answer}"
        assert await roles.ask(other, "r = 1") == "1"
        began = time.monotonic()
        await container.kill()
        await exit_of(container)
        assert time.monotonic() - began < 30
        assert await asyncio.to_thread(traces.settle, before, 10.0, mark) == {}

    scenario(story)


@requirement("launcher.filesystem")
def test_a_container_sees_neither_the_hosts_files_nor_anothers(target: Target) -> None:
    """What one writes to /tmp, /root and /dev/shm another does not see, nor does the host; mounts are read-only."""
    places = ("/tmp", "/root", "/dev/shm", "/var/tmp")
    here = Path.home() / f".conformance-{os.getpid()}"

    async def story(roles: Roles) -> None:
        one, two = await roles.start(), await roles.start()
        for place in places:
            path = f"{place}/conformance-{uuid.uuid4().hex}"
            written = await roles.ask(one, f"r = open({path!r}, 'w').write('x')")
            assert written == "1", f"{path} cannot be written: {written}"
            assert await roles.ask(two, f"r = os.path.exists({path!r})") == "False"
            assert not os.path.exists(path)
        for hidden in {str(here), str(target.data_dir), str(Path.cwd())} - {"/"}:
            assert await roles.ask(one, f"r = os.path.exists({hidden!r})") == "False", f"{hidden} is seen"
        assert "ERROR" in await roles.ask(one, "open('/opt/intermodal/guest/x', 'w')")
        three = await roles.start()
        assert await roles.ask(three, "r = os.listdir('/tmp')") == "[]"

    here.touch()
    try:
        scenario(story)
    finally:
        here.unlink()


@requirement("launcher.processes")
def test_a_container_sees_its_own_processes_only(target: Target) -> None:
    """Neither this one nor those of another container."""
    mark = traces.new_mark()

    async def story(roles: Roles) -> None:
        one, two = await roles.start(), await roles.start()
        # a process has no command line for a moment while it becomes another program: this one says when that is over
        other = f"subprocess.Popen(['sh', '-c', 'echo up; sleep 600', '{mark}'], stdout=-1)"
        assert await roles.ask(one, f"import subprocess; r = {other}.stdout.readline()") == repr(b"up\n")
        seen = "r = [open(f'/proc/{p}/cmdline').read() for p in os.listdir('/proc') if p.isdigit()]"
        listed = await roles.ask(two, seen)
        assert mark not in listed
        assert "pytest" not in listed
        assert mark in await roles.ask(one, seen)

    scenario(story)


@requirement("launcher.network")
def test_a_blocked_network_reaches_nothing_but_itself(target: Target) -> None:
    """Neither a server on this machine nor an abstract socket; its own loopback works."""

    async def story(roles: Roles) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as abstract:
            abstract.bind(f"\0conformance-{os.getpid()}")
            abstract.listen()
            port = server.getsockname()[1]
            alone, plain = await roles.start(network="none"), await roles.start()
            reach = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5); r = 1"
            assert "ERROR" in await roles.ask(alone, reach)
            name = f"import socket; socket.socket(1).connect('\\0conformance-{os.getpid()}'); r = 1"
            assert "ERROR" in await roles.ask(alone, name)
            itself = "import socket; s = socket.create_server(('127.0.0.1', 0)); "
            assert await roles.ask(alone, itself + "socket.create_connection(s.getsockname(), 5); r = 1") == "1"
            assert await roles.ask(plain, "r = 1") == "1"

    scenario(story)


@refusal("launcher.network", capability="network.block")
def test_blocking_the_network_is_refused(target: Target) -> None:
    """By name, through a function and by the launcher."""
    with pytest.raises(CapabilityNotSupported) as caught:
        echo.with_options(block_network=True).remote(1)
    assert caught.value.capability == "network.block"

    async def story(roles: Roles) -> None:
        with pytest.raises(CapabilityNotSupported):
            await roles.launch(network="none")

    scenario(story)


@requirement("launcher.exec")
def test_a_program_joins_a_running_container(target: Target) -> None:
    """Its streams byte for byte, its environment and directory, its exit code; it ends with the container."""

    async def story(roles: Roles) -> None:
        container = await roles.start(env=(("A", "1"),))
        await roles.ask(container, "open('/tmp/seen', 'w').write('yes')")
        script = 'printf \'%s%s\' "$A" "$B"; cat; cat /tmp/seen; pwd >&2; exit 5'
        process = await container.exec(["sh", "-c", script], env={"B": "2"}, workdir="/tmp")
        await process.write(b"\x00typed\xff")
        await process.close_stdin()
        heard = [(stream, data) async for stream, data in process.output()]
        assert await process.wait() == 5
        assert b"".join(data for stream, data in heard if stream == 1) == b"12\x00typed\xffyes"
        assert b"".join(data for stream, data in heard if stream == 2) == b"/tmp\n"
        sleeper = await container.exec(["sleep", "600"])
        await sleeper.signal(15)
        assert await asyncio.wait_for(sleeper.wait(), PATIENCE_S) == 143
        other = await container.exec(["sleep", "600"])
        await container.kill()
        assert await asyncio.wait_for(other.wait(), PATIENCE_S) == 137

    scenario(story)


@requirement("launcher.exec")
def test_a_program_that_is_just_starting_ends_with_its_container(target: Target) -> None:
    """It counts as killed, however far it had come."""

    async def story(roles: Roles) -> None:
        for _ in range(_KILLED_AT_ONCE):
            container = await roles.bare()
            starting = await container.exec(["sleep", "600"])
            await container.kill()
            assert await asyncio.wait_for(starting.wait(), PATIENCE_S) == 137

    scenario(story)


@requirement("launcher.bare")
def test_a_container_without_a_guest_lasts_until_it_is_killed(target: Target) -> None:
    """What is started in it finds what others left there; its end is the end of all, and is told."""

    async def story(roles: Roles) -> None:
        container = await roles.bare()
        writer = await container.exec(["sh", "-c", "echo yes > /tmp/seen"])
        assert await writer.wait() == 0
        reader = await container.exec(["cat", "/tmp/seen"])
        assert b"".join([data async for _, data in reader.output()]) == b"yes\n"
        assert await reader.wait() == 0
        last = await container.exec(["sleep", "600"])
        await container.kill()
        ending = await asyncio.wait_for(container.wait(), PATIENCE_S)
        assert ending.cause == "killed"
        assert await asyncio.wait_for(last.wait(), PATIENCE_S) == 137

    scenario(story)


@refusal("launcher.bare", capability="exec")
def test_a_container_without_a_guest_is_refused(target: Target) -> None:
    """By name."""

    async def story(roles: Roles) -> None:
        with pytest.raises(CapabilityNotSupported) as caught:
            await roles.bare()
        assert caught.value.capability == "exec"

    scenario(story)


@refusal("launcher.exec", capability="exec")
def test_joining_a_container_is_refused(target: Target) -> None:
    """By name."""

    async def story(roles: Roles) -> None:
        container = await roles.start()
        with pytest.raises(CapabilityNotSupported) as caught:
            await container.exec(["true"])
        assert caught.value.capability == "exec"

    scenario(story)
