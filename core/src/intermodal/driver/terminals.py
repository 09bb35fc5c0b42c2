"""A program in a container that has this process's terminal, or standard streams, as its own."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

from intermodal.plugins.roles import ExecProcess

__all__ = ["Start", "run", "show"]

#: Starts the program: with these variables besides, and a terminal of so many rows and columns if it is to have one.
Start = Callable[[Mapping[str, str], tuple[int, int] | None], Awaitable[ExecProcess]]

_CHUNK = 1 << 16
_LOOK_AT_SIZE_S = 0.25


async def run(start: Start) -> int:
    """Connect a program until it ends; its exit code. It gets a terminal where this process has one."""
    size = _terminal_size()
    term = {"TERM": os.environ.get("TERM", "xterm")} if size else {}
    return await _pump(await start(term, size))


def show(stream: Literal[1, 2], data: bytes) -> None:
    """An output sink that gives everything to this process's own streams, at once."""
    target = sys.stdout if stream == 1 else sys.stderr
    target.buffer.write(data)
    target.buffer.flush()


def _terminal_size() -> tuple[int, int] | None:
    """Rows and columns of the terminal that both standard input and output are; None where they are none."""
    if not (os.isatty(0) and os.isatty(1)):
        return None
    columns, rows = os.get_terminal_size(0)
    return rows, columns


async def _pump(process: ExecProcess) -> int:
    """Connect until the process ends; its exit code. The terminal is as before afterwards."""
    size = _terminal_size()
    before = termios.tcgetattr(0) if size else None
    if before is not None:
        tty.setraw(0)
    helpers = [asyncio.create_task(_type(process))]
    if size is not None:
        helpers.append(asyncio.create_task(_follow_size(process, size)))
    try:
        async for stream, data in process.output():
            show(stream, data)
        return await process.wait()
    finally:
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        if before is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, before)


async def _type(process: ExecProcess) -> None:
    loop = asyncio.get_running_loop()
    source = os.dup(0)
    try:
        while data := await _next_input(loop, source):
            await process.write(data)
        await process.close_stdin()
    except BrokenPipeError:
        return
    finally:
        os.close(source)


async def _next_input(loop: asyncio.AbstractEventLoop, source: int) -> bytes:
    ready: asyncio.Future[None] = loop.create_future()
    try:
        loop.add_reader(source, _mark, ready)
    except PermissionError:  # a regular file is always ready, and epoll refuses it
        return os.read(source, _CHUNK)
    try:
        await ready
        return os.read(source, _CHUNK)
    finally:
        loop.remove_reader(source)


def _mark(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def _follow_size(process: ExecProcess, last: tuple[int, int]) -> None:
    """The window's size is looked at: its signal reaches the main thread only, and the loop may run on another."""
    while True:
        await asyncio.sleep(_LOOK_AT_SIZE_S)
        size = _terminal_size()
        if size is not None and size != last:
            last = size
            await process.resize(*size)
