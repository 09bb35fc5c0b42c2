"""Joins this process's terminal to a process in a container."""

from __future__ import annotations

import asyncio
import os
import sys
import termios
import tty

from intermodal_local.process import LocalProcess

__all__ = ["pump", "terminal_size"]

_LOOK_AT_SIZE_S = 0.25


def terminal_size() -> tuple[int, int] | None:
    """Rows and columns of the terminal that both standard input and output are; None where they are none."""
    if not (os.isatty(0) and os.isatty(1)):
        return None
    columns, rows = os.get_terminal_size(0)
    return rows, columns


async def pump(process: LocalProcess) -> int:
    """Connect until the process ends; its exit code. The terminal is as before afterwards."""
    size = terminal_size()
    before = termios.tcgetattr(0) if size else None
    if before is not None:
        tty.setraw(0)
    helpers = [asyncio.create_task(_type(process))]
    if size is not None:
        helpers.append(asyncio.create_task(_follow_size(process, size)))
    try:
        async for stream, data in process.output():
            target = sys.stdout if stream == 1 else sys.stderr
            target.buffer.write(data)
            target.buffer.flush()
        return await process.wait()
    finally:
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        if before is not None:
            termios.tcsetattr(0, termios.TCSADRAIN, before)


async def _type(process: LocalProcess) -> None:
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
        return os.read(source, 1 << 16)
    try:
        await ready
        return os.read(source, 1 << 16)
    finally:
        loop.remove_reader(source)


def _mark(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def _follow_size(process: LocalProcess, last: tuple[int, int]) -> None:
    """The window's size is looked at: its signal reaches the main thread only, and the loop may run on another."""
    while True:
        await asyncio.sleep(_LOOK_AT_SIZE_S)
        size = terminal_size()
        if size is not None and size != last:
            last = size
            await process.resize(*size)
