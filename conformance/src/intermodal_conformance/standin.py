"""A small stand-in for the guest: it runs the Python lines that it is sent, so that a test can say what happens in a
container without core's engine and guest. For tests of launchers, the suite's own and those of backends."""

from __future__ import annotations

import asyncio
from pathlib import Path

from intermodal.plugins import Container
from intermodal.specs import HostMount

__all__ = ["GUEST", "PATIENCE_S", "ask", "lay_out", "line", "tell"]

#: Where the guest bundle is mounted: `python3 /opt/intermodal/guest` is what runs in a container.
GUEST = "/opt/intermodal/guest"
#: Seconds that an answer from a container may take.
PATIENCE_S = 60.0

_GUEST = '''
"""Answers each line, the repr of Python source, with the repr of what that leaves in `r`. A snapshot's boot frame is
source as well; what that leaves is `snap`."""
import os
import socket


class _Prepared:
    def __init__(self, boot):
        self.scope = {}
        exec(boot.decode(), self.scope)
        self.void = self.scope.get("void")


def preload():
    pass


def prepare(boot, python_path):
    return _Prepared(boot)


def serve(sock, prepared):
    return main(sock, (), prepared)


def main(sock, python_path=(), prepared=None, **options):
    sock.sendall(b"hello\\n")
    with sock.makefile("rwb") as stream:
        for line in stream:
            scope = {"os": os, "snap": getattr(prepared, "scope", {})}
            try:
                exec(eval(line), scope)
                answer = repr(scope.get("r"))
            except Exception as error:
                answer = "ERROR " + repr(error)
            stream.write(answer.encode() + b"\\n")
            stream.flush()
    return 0
'''

_MAIN = """
import argparse
import os
import socket
import sys
import threading

from intermodal.guest import main


def connection(options):
    if options.fd is not None:
        return socket.socket(fileno=options.fd)
    if options.connect:
        found = socket.socket(socket.AF_UNIX)
        found.connect(options.connect.partition(":")[2])
        return found
    ours, theirs = socket.socketpair()
    source, sink = os.dup(0), os.dup(1)
    os.dup2(2, 1)

    def pump(read, write, done):
        while data := read(1 << 16):
            write(data)
        done()

    end = lambda: theirs.shutdown(socket.SHUT_WR)
    threading.Thread(target=pump, args=(lambda n: os.read(source, n), theirs.sendall, end), daemon=True).start()
    threading.Thread(target=pump, args=(theirs.recv, lambda data: os.write(sink, data), int), daemon=True).start()
    return ours


parser = argparse.ArgumentParser()
parser.add_argument("--fd", type=int)
parser.add_argument("--connect")
parser.add_argument("--stdio", action="store_true")
parser.add_argument("--path", action="append")
sys.exit(main(connection(parser.parse_args())))
"""


def lay_out(folder: Path) -> HostMount:
    """Write the stand-in to `folder`, as the bundle of a guest is laid out; what to mount for it."""
    package = folder / "intermodal" / "guest"
    package.mkdir(parents=True, exist_ok=True)
    (package.parent / "__init__.py").write_text("")
    (package / "__init__.py").write_text(_GUEST)
    for place in (package, folder):
        (place / "__main__.py").write_text(_MAIN)
    return HostMount(source=str(folder), target=GUEST)


async def line(container: Container) -> str:
    """What a container says next, "hello" first of all; nothing where its stream has ended.

    Raises `TimeoutError` after `PATIENCE_S`.
    """
    loop = asyncio.get_running_loop()
    data = b""
    while not data.endswith(b"\n"):
        try:
            piece = await asyncio.wait_for(loop.sock_recv(container.stream, 1 << 16), PATIENCE_S)
        except ConnectionError:
            break
        if not piece:
            break
        data += piece
    return data.decode().strip()


async def tell(container: Container, code: str) -> None:
    """Have it run some code, and do not wait."""
    await asyncio.get_running_loop().sock_sendall(container.stream, repr(code).encode() + b"\n")


async def ask(container: Container, code: str) -> str:
    """Have it run some code; the `repr` of what that leaves in `r`."""
    await tell(container, code)
    return await line(container)
