"""Containers: what they see, what they may do, how they end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

from intermodal.specs import Resources
from processes import command_lines

_DEFAULT_CAPABILITIES = "00000000a80425fb"


def test_root_shows_nothing_of_the_hosts_own_directories(local: Any) -> None:
    """/root, /home, /opt, /tmp and packages of the host are not there; /etc has no secrets."""

    async def scenario() -> None:
        async with local.open() as session:
            container = await session.start("sees")
            assert (
                await session.ask(container, "r = os.listdir('/root') + os.listdir('/home') + os.listdir('/tmp')")
                == "[]"
            )
            assert (
                await session.ask(container, "r = os.path.exists('/etc/shadow') or os.path.exists('/.host')") == "False"
            )
            packages = "import sys; r = [n for p in sys.path if 'packages' in p for n in os.listdir(p)]"
            assert await session.ask(container, packages) == "[]"
            assert await session.ask(container, f"r = os.path.exists({str(local.folder)!r})") == "False"

    asyncio.run(scenario())


def test_privileges_are_those_of_container_engines(local: Any) -> None:
    """The default capability set in every set that counts, no_new_privs, a pid namespace of its own, frozen
    /proc/sys."""

    async def scenario() -> None:
        async with local.open() as session:
            container = await session.start("hard")
            status = await session.ask(container, "r = open('/proc/self/status').read()")
            for name in ("CapPrm", "CapEff", "CapBnd"):
                assert f"{name}:\\t{_DEFAULT_CAPABILITIES}" in status
            assert "NoNewPrivs:\\t1" in status
            assert (
                await session.ask(container, "r = sorted(p for p in os.listdir('/proc') if p.isdigit())")
                == "['1', '2']"
            )
            assert "Read-only" in await session.ask(container, "open('/proc/sys/kernel/hostname', 'w')")
            device = "os.mknod('/tmp/disk', 0o60600, os.makedev(254, 0)); open('/tmp/disk', 'rb')"
            assert "Permission" in (answer := await session.ask(container, device)) or "not permitted" in answer

    asyncio.run(scenario())


def test_last_output_and_exit_code_arrive(local: Any) -> None:
    """What was printed right before the end is given to the sink before `wait` returns."""

    async def scenario() -> None:
        async with local.open() as session:
            container = await session.start("ends")
            await session.tell(container, "print('last words'); raise SystemExit(7)")
            ending = await container.wait()
            assert (ending.cause, ending.code) == ("exited", 7)
            assert b"".join(session.output) == b"last words\n"
            assert await container.wait() == ending

    asyncio.run(scenario())


def test_kill_ends_the_whole_container(local: Any) -> None:
    """A kill takes everything it started along, and is told as such."""

    async def scenario() -> None:
        async with local.open() as session:
            container = await session.start("killed")
            await session.ask(container, "import subprocess; r = subprocess.Popen(['setsid', 'sleep', '98765']).pid")
            await container.kill()
            await container.kill()
            ending = await container.wait()
            assert (ending.cause, ending.code) == ("killed", 137)
            assert not _running("98765")

    asyncio.run(scenario())


def test_memory_limit_ends_a_container_with_limit_and_peak(local: Any) -> None:
    """More than its memory: out_of_memory, and the words have the limit."""

    async def scenario() -> None:
        async with local.open() as session:
            container = await session.start("eats", resources=Resources(memory_limit=150))
            await session.tell(container, "x = bytearray(500 << 20); import time; time.sleep(60)")
            ending = await container.wait()
            assert ending.cause == "out_of_memory"
            assert "limit 150 MiB" in ending.detail

    asyncio.run(scenario())


def test_fork_bomb_is_contained_and_gone_at_once(local: Any) -> None:
    """A fork bomb neither stops the supervisor nor outlives a kill."""

    async def scenario() -> None:
        async with local.open() as session:
            container = await session.start("bomb")
            bomb = "b(){ b|b& };b 2>/dev/null; exec sleep 60"
            await session.tell(container, f"import subprocess; subprocess.run(['sh', '-c', {bomb!r}], stderr=-3)")
            await asyncio.sleep(1)
            began = time.monotonic()
            await container.kill()
            assert (await container.wait()).cause == "killed"
            assert time.monotonic() - began < 5

    asyncio.run(scenario())


def test_network_none_reaches_nothing_but_itself(local: Any) -> None:
    """Only the loopback exists."""

    async def scenario() -> None:
        async with local.open() as session:
            container = await session.start("alone", network="none")
            assert await session.ask(container, "import socket; r = [n for _, n in socket.if_nameindex()]") == "['lo']"
            itself = (
                "import socket; s = socket.create_server(('127.0.0.1', 0)); "
                "socket.create_connection(s.getsockname()); r = 1"
            )
            assert await session.ask(container, itself) == "1"

    asyncio.run(scenario())


def test_killed_zygote_loses_its_containers_and_is_replaced(local: Any) -> None:
    """The containers of a killed zygote end as lost; the next launch gets a new one."""

    async def scenario() -> None:
        async with local.open() as session:
            container = await session.start("one")
            for pid in _children(session.launcher._link.pid):
                os.kill(pid, signal.SIGKILL)
            assert (await container.wait()).cause == "lost"
            await session.start("two")

    asyncio.run(scenario())


def test_killed_supervisor_leaves_nothing(local: Any) -> None:
    """Its containers die with it, are told as lost, what it left on disk is removed, and launching goes on."""

    async def scenario() -> None:
        async with local.open() as session:
            container = await session.start("one")
            await session.ask(container, "import subprocess; r = subprocess.Popen(['setsid', 'sleep', '98764']).pid")
            os.kill(session.launcher._link.pid, signal.SIGKILL)
            assert (await container.wait()).cause == "lost"
            await session.start("two")
            assert not _running("98764")

    asyncio.run(scenario())


def test_exec_joins_a_running_container(local: Any) -> None:
    """Streams, terminal, code and environment of a process in a container; its end when the container ends."""

    async def scenario() -> None:
        async with local.open() as session:
            container = await session.start("joined", env=(("A", "1"),))
            script = ["sh", "-c", "echo $A$B; hostname; cat; exit 5"]
            process = await container.exec(script, env={"B": "2"})
            await process.write(b"typed\n")
            await process.close_stdin()
            assert b"".join([data async for _, data in process.output()]) == b"12\njoined\ntyped\n"
            assert await process.wait() == 5
            terminal = await container.exec(["tty"], pty=True)
            assert b"".join([data async for _, data in terminal.output()]).startswith(b"/dev/pts/")
            sleeper = await container.exec(["sleep", "60"])
            await container.kill()
            assert await sleeper.wait() == 137

    asyncio.run(scenario())


def test_snapshot_runs_preparation_once(local: Any) -> None:
    """Containers of one snapshot share what preparation made, files included, and are hardened like others."""

    async def scenario() -> None:
        async with local.open() as session:
            boot = b"import os\nmade = os.urandom(8)\nopen('/root/made', 'w').write('1')"
            first = await session.start("a", boot, snapshot="key")
            second = await session.start("b", boot, snapshot="key")
            assert await session.ask(first, "r = snap['made']") == await session.ask(second, "r = snap['made']")
            assert await session.ask(second, "r = os.listdir('/root'), os.path.exists('/.host')") == "(['made'], False)"
            assert _DEFAULT_CAPABILITIES in await session.ask(second, "r = open('/proc/self/status').read()")
            assert (
                await session.ask(second, "r = sorted(p for p in os.listdir('/proc') if p.isdigit())") == "['1', '2']"
            )

    asyncio.run(scenario())


def test_void_snapshot_starts_normally_and_says_why(local: Any) -> None:
    """A template that may not be forked, or that dies, is replaced by a plain start, with words in the log."""

    async def scenario() -> None:
        async with local.open() as session:
            for name, boot in (("told", b"void = 'because'"), ("dead", b"import os; os._exit(3)")):
                container = await session.launcher.launch(
                    session.spec(name, snapshot=name),
                    session.image,
                    None,
                    boot,
                    lambda _, data: session.output.append(data),
                )
                session.opened.append(container)
                assert await session.line(container) == "hello"
            assert b"because" in b"".join(session.output)

    asyncio.run(scenario())


def test_process_isolation_ends_the_whole_tree(local: Any) -> None:
    """Without namespaces, daemons and scrubbed environments do not escape either."""

    async def scenario() -> None:
        async with local.open("process") as session:
            container = await session.start("plain")
            daemons = "setsid sleep 98763 & env -i setsid sh -c 'sleep 98763 & sleep 98763' &"
            await session.ask(container, f"import subprocess; subprocess.run({daemons!r}, shell=True)")
            await container.kill()
            assert (await container.wait()).cause == "killed"
            assert not _running("98763")

    asyncio.run(scenario())


def test_process_isolation_has_no_set_user_id_programs(local: Any) -> None:
    """What runs as another user could not be ended."""

    async def scenario() -> None:
        async with local.open("process") as session:
            container = await session.start("plain")
            assert "NoNewPrivs:\\t1" in await session.ask(container, "r = open('/proc/self/status').read()")

    asyncio.run(scenario())


def _running(word: str) -> bool:
    return any(word.encode() in line.split(b"\0") for _, line in command_lines())


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
