"""`PipedProcess` lets go of what it was given, on real terminals and pipes."""

from __future__ import annotations

import asyncio
import os

import pytest

from intermodal.plugins.processes import PipedProcess


def is_open(fd: int) -> bool:
    """Whether this process has it."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def descriptors() -> int:
    """How many this process has."""
    return len(os.listdir("/proc/self/fd"))


def made() -> PipedProcess:
    """A process whose signals go nowhere."""
    return PipedProcess(lambda number: None)


async def all_of(process: PipedProcess) -> bytes:
    """Its output to the end."""
    return b"".join([data async for _, data in process.output()])


def test_a_terminal_is_closed_when_its_process_has_ended_and_was_read() -> None:
    """Both copies of the master: the one that is written to, and the one that is read."""

    async def run() -> None:
        before = descriptors()
        master, slave = os.openpty()
        process = made()
        process.attach_terminal(master)
        os.write(slave, b"words")
        os.close(slave)
        process.ended(0)
        assert await all_of(process) == b"words"
        assert descriptors() == before
        with pytest.raises(BrokenPipeError):
            await process.write(b"late")

    asyncio.run(run())


def test_a_terminal_that_comes_too_late_is_closed() -> None:
    """Its process has ended already; the exit code stays."""

    async def run() -> None:
        process = made()
        process.ended(-9)
        master, slave = os.openpty()
        process.attach_terminal(master)
        os.close(slave)
        assert not is_open(master)
        assert await all_of(process) == b""
        assert await process.wait() == 137

    asyncio.run(run())


def test_a_second_terminal_is_closed() -> None:
    """The first one stays."""

    async def run() -> None:
        process = made()
        (first, slave), (second, other) = os.openpty(), os.openpty()
        process.attach_terminal(first)
        process.attach_terminal(second)
        assert is_open(first)
        assert not is_open(second)
        os.close(slave)
        os.close(other)
        process.ended(0)
        await all_of(process)
        assert not is_open(first)

    asyncio.run(run())
