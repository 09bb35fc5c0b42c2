"""The roles of the backend under test, for tests that talk to them directly; and a small stand-in for the guest.

The stand-in runs the Python lines that it is sent, so that a test can say what happens in a container.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intermodal.plugins import BuiltImage, Container, Launcher, PluginHost
from intermodal.specs import ContainerSpec, DebianSlim, HostMount, ImageSpec, ImageStep
from intermodal_conformance.target import opened

__all__ = ["PYTHON", "Roles", "Sink", "image_of", "roles"]

#: Where the guest bundle is mounted: `python3 /opt/intermodal/guest` is what runs in a container.
GUEST = "/opt/intermodal/guest"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
#: Seconds that an answer from a container may take.
PATIENCE_S = 60.0

_GUEST = '''
"""Answers each line, the repr of Python source, with the repr of what that leaves in `r`."""
import os
import socket


class _Prepared:
    void = None


def preload():
    pass


def prepare(boot, python_path):
    return _Prepared()


def serve(sock, prepared):
    return main(sock)


def main(sock, python_path=(), prepared=None, **options):
    sock.sendall(b"hello\\n")
    with sock.makefile("rwb") as stream:
        for line in stream:
            scope = {"os": os}
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


def image_of(*steps: ImageStep) -> ImageSpec:
    """The plain image with some steps."""
    return ImageSpec(base=DebianSlim(python=PYTHON), steps=steps)


@dataclass
class Sink:
    """What a build said: titles and whether each step was cached, and what the steps printed."""

    steps: list[tuple[int, bool]] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)

    def step(self, number: int, total: int, title: str, *, cached: bool) -> None:
        """As `BuildSink`."""
        self.steps.append((number, cached))

    def output(self, number: int, line: str) -> None:
        """As `BuildSink`."""
        self.printed.append(line)

    @property
    def cached(self) -> list[bool]:
        """Of each step, in order of their numbers."""
        return [cached for _, cached in sorted(self.steps)]


class NoBlobs:
    """Images without local files."""

    def path(self, blob: str) -> Path:
        """As `Blobs`."""
        raise KeyError(blob)


class Roles:
    """A host's roles, used without core's engine."""

    def __init__(self, host: PluginHost, folder: Path) -> None:
        self.host = host
        self.output: dict[str, list[tuple[int, bytes]]] = {}
        self._folder = folder
        self._image: BuiltImage | None = None
        self._opened: list[Container] = []
        package = folder / "intermodal" / "guest"
        package.mkdir(parents=True, exist_ok=True)
        (package.parent / "__init__.py").write_text("")
        (package / "__init__.py").write_text(_GUEST)
        for place in (package, self._folder):
            (place / "__main__.py").write_text(_MAIN)

    @property
    def launcher(self) -> Launcher:
        """The launcher."""
        return self.host.launcher()

    async def build(self, image: ImageSpec, sink: Sink | None = None) -> BuiltImage:
        """Build an image."""
        return await self.host.builder().build(image, NoBlobs(), sink or Sink())

    async def launch(self, image: BuiltImage | None = None, **fields: Any) -> Container:
        """Start a container with the stand-in; it may not have said hello yet."""
        if image is None:
            self._image = self._image or await self.build(image_of())
            image = self._image
        name = f"conf-{uuid.uuid4().hex[:12]}"
        mount = HostMount(source=str(self._folder), target=GUEST)
        fields.setdefault("env", image.env)
        spec = ContainerSpec(
            id=name, app="conformance", function="roles", mounts=(mount,), workdir=image.workdir, **fields
        )
        heard = self.output[name] = []
        container = await self.launcher.launch(
            spec, image, None, b"", lambda stream, data: heard.append((stream, data))
        )
        self._opened.append(container)
        return container

    async def start(self, image: BuiltImage | None = None, **fields: Any) -> Container:
        """Start a container, and wait until it listens."""
        container = await self.launch(image, **fields)
        said = await self.line(container)
        assert said == "hello", f"instead of a guest's hello came {said!r}; it printed {self.output[container.id]}"
        return container

    async def line(self, container: Container) -> str:
        """What a container says next; nothing where its stream has ended."""
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

    async def tell(self, container: Container, code: str) -> None:
        """Have it run some code, and do not wait."""
        await asyncio.get_running_loop().sock_sendall(container.stream, repr(code).encode() + b"\n")

    async def ask(self, container: Container, code: str) -> str:
        """Have it run some code; the `repr` of what that leaves in `r`."""
        await self.tell(container, code)
        return await self.line(container)

    def printed(self, container: Container, stream: int) -> bytes:
        """What a container has written to its stdout (1) or stderr (2)."""
        return b"".join(data for number, data in self.output[container.id] if number == stream)

    async def close(self) -> None:
        """End everything."""
        await self.launcher.close()
        for container in self._opened:
            container.stream.close()
        await self.host.builder().close()


@contextlib.asynccontextmanager
async def roles() -> AsyncIterator[Roles]:
    """The roles of a host of their own."""
    with tempfile.TemporaryDirectory(prefix="conformance-guest-") as folder, opened() as host:
        Path(folder).chmod(0o755)
        found = Roles(host, Path(folder))
        try:
            yield found
        finally:
            await found.close()
