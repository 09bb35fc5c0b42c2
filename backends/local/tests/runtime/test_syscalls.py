"""System calls: what containers are refused, and that programs do not miss it."""

from __future__ import annotations

import asyncio
import errno
import platform
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal_local.runtime import syscalls

HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
ALLOW, REFUSE, UNKNOWN = 0x7FFF0000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS
BY_ARGUMENT = ("clone", "clone3", "personality", "socket")
needs_filter = pytest.mark.skipif(not syscalls.available(), reason=f"no filter for {platform.machine()}")


def run(machine: str, mark: int, number: int, argument: int) -> int:
    """What the filter answers: the kernel's machine for these programs, as far as they use it."""
    data = {0: number, 4: mark, 16: argument & 0xFFFFFFFF}
    code = syscalls.program(machine)
    accumulator = place = 0
    while True:
        kind, if_true, if_false, value = code[place]
        place += 1
        if kind == 0x20:
            accumulator = data[value]
        elif kind == 0x06:
            return value
        else:
            tests = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}
            place += if_true if tests[kind] else if_false


def expected(machine: str, mark: int, number: int, argument: int) -> int:
    """The same in plain words."""
    here = syscalls.MACHINES[machine]
    argument &= 0xFFFFFFFF
    if mark != here.mark or number >= 0x40000000 or number == here.clone3:
        return UNKNOWN
    if number == here.clone:
        return REFUSE if argument & 0x7E020000 else ALLOW
    if number == here.socket:
        return REFUSE if argument == 40 else ALLOW
    if number == here.personality:
        return ALLOW if argument in (0, 8, 0x20000, 0x20008, 0xFFFFFFFF) else REFUSE
    return REFUSE if number in {numbers[here.column] for numbers in syscalls.DENIED.values()} else ALLOW


@pytest.mark.parametrize("machine", sorted(syscalls.MACHINES))
@given(data=st.data())
def test_the_program_does_what_it_is_to(machine: str, data: st.DataObject) -> None:
    """For every call, known or not, and for arguments at the edges; it fits a jump's reach."""
    here = syscalls.MACHINES[machine]
    mark = data.draw(st.sampled_from([here.mark, 0x40000003, 0]))
    number = data.draw(st.integers(0, 500) | st.integers(0, 0xFFFFFFFF))
    argument = data.draw(st.sampled_from([0, 8, 17, 40, 0x20000, 0x40000, 0x10000000, 0xFFFFFFFF, 1 << 32 | 0x8]))
    assert run(machine, mark, number, argument) == expected(machine, mark, number, argument)


@pytest.mark.parametrize("machine", sorted(syscalls.MACHINES))
def test_every_call_by_number(machine: str) -> None:
    """All numbers that there are, one by one."""
    here = syscalls.MACHINES[machine]
    assert all(run(machine, here.mark, n, 0x20000) == expected(machine, here.mark, n, 0x20000) for n in range(600))
    assert max(max(jump, other) for _, jump, other, _ in syscalls.program(machine)) < 256


@pytest.mark.parametrize("machine", sorted(syscalls.MACHINES))
def test_numbers_are_the_kernels(machine: str) -> None:
    """As its headers have them."""
    if not HEADERS[machine].exists():
        pytest.skip(f"there is no {HEADERS[machine]}")
    known: dict[str, int] = {}
    for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", HEADERS[machine].read_text()):
        known.setdefault(name, int(number))
    here = syscalls.MACHINES[machine]
    ours = {name: numbers[here.column] for name, numbers in syscalls.DENIED.items()}
    ours |= {name: getattr(here, name) for name in BY_ARGUMENT}
    assert {name: known.get(name) for name in ours} == ours


TRY = """
import ctypes, errno, os
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *words):
    return 0 if libc.syscall(number, *map(ctypes.c_long, words)) >= 0 else errno.errorcode[ctypes.get_errno()]
r = [call(n, *words) for n, *words in %s]
"""


@needs_filter
def test_dangerous_calls_are_refused_in_containers(local: Any) -> None:
    """A new user namespace, keys, mounts, namespaces by clone, the hypervisor's sockets; not what programs need."""
    here = syscalls.MACHINES[platform.machine()]
    column = here.column
    refused = ["unshare", "keyctl", "mount", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "setns"]
    calls = [(syscalls.DENIED[name][column], 0x10000000, 0, 0, 0) for name in refused]
    calls += [
        (here.clone, 0x10000011, 0, 0, 0, 0),
        (here.socket, 40, 1, 0),
        (here.clone3, 0, 0),
        (here.socket, 1, 1, 0),
    ]

    async def scenario() -> None:
        async with local.open() as session:
            container = await session.start("strict")
            assert "Seccomp:\\t2" in await session.ask(container, "r = open('/proc/self/status').read()")
            answer = await session.ask(container, TRY % calls)
            assert answer == repr(["EPERM"] * 10 + ["ENOSYS", 0])
            process = await container.exec(["grep", "Seccomp:", "/proc/self/status"])
            assert b"".join([data async for _, data in process.output()]).split() == [b"Seccomp:", b"2"]
            assert await process.wait() == 0

    asyncio.run(scenario())


@needs_filter
def test_programs_run_behind_the_filter(local: Any) -> None:
    """Threads, processes, pools, sockets, child programs."""
    work = """
import asyncio, concurrent.futures as c, socket, subprocess, threading
thread = threading.Thread(target=lambda: None); thread.start(); thread.join()
with c.ThreadPoolExecutor(3) as pool: threads = list(pool.map(abs, [-1, -2]))
with c.ProcessPoolExecutor(2) as pool: processes = list(pool.map(abs, [-3]))
one, two = socket.socketpair(); one.send(b"x")
async def loop():
    process = await asyncio.create_subprocess_exec("echo", "hi", stdout=subprocess.PIPE)
    return (await process.communicate())[0]
r = [threads, processes, two.recv(1), subprocess.check_output("id -u", shell=True), asyncio.run(loop())]
"""

    async def scenario() -> None:
        async with local.open() as session:
            container = await session.start("busy")
            answer = await session.ask(container, work)
            assert answer == repr([[1, 2], [3], b"x", b"0\n", b"hi\n"])

    asyncio.run(scenario())


@needs_filter
def test_unconfined_is_unfiltered(local: Any) -> None:
    """Where the user says so."""

    async def scenario() -> None:
        async with local.open(filtered=False) as session:
            container = await session.start("loose")
            assert "Seccomp:\\t0" in await session.ask(container, "r = open('/proc/self/status').read()")

    asyncio.run(scenario())
