"""A launcher with a small stand-in for the guest, which runs the Python lines it is sent."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from intermodal.plugins import BuiltImage
from intermodal.specs import ContainerSpec, HostMount
from intermodal_local.interpreters import own_python
from intermodal_local.launcher import GUEST, LocalLauncher
from intermodal_local.rootfs import Rootfs

_STAND_IN = """
import os

class _Prepared:
    void = None

def preload():
    pass

def main(sock, python_path, prepared=None):
    sock.sendall(b"hello\\n")
    with sock.makefile("rwb") as stream:
        for line in stream:
            scope = {"snap": getattr(prepared, "scope", {}), "os": os}
            try:
                exec(eval(line), scope)
                answer = repr(scope.get("r"))
            except Exception as error:
                answer = "ERROR " + repr(error)
            stream.write(answer.encode() + b"\\n")
            stream.flush()
    return 0

def prepare(boot, python_path):
    prepared = _Prepared()
    prepared.scope = {}
    exec(boot.decode(), prepared.scope)
    prepared.void = prepared.scope.get("void")
    return prepared

def serve(sock, prepared):
    return main(sock, (), prepared)
"""


class Session:
    """One launcher, its data directory, and what its containers printed."""

    def __init__(self, data: Path, bundle: Path, isolation: str, filtered: bool = True) -> None:
        self.data = data
        self.launcher = LocalLauncher(data, isolation=isolation, filtered=filtered)
        self.image = BuiltImage(id="base", ref=Rootfs(python=own_python()).to_json(), python="3")
        self.output: list[bytes] = []
        self.opened: list[Any] = []
        self._bundle = HostMount(source=str(bundle), target=GUEST)

    def spec(self, name: str, **fields: Any) -> ContainerSpec:
        """The spec of a container with the stand-in in it."""
        return ContainerSpec(id=name, app="app", function="f", mounts=(self._bundle,), **fields)

    async def start(self, name: str, boot: bytes = b"", **fields: Any) -> Any:
        """A container that has said hello."""
        container = await self.launcher.launch(
            self.spec(name, **fields), self.image, None, boot, lambda stream, data: self.output.append(data)
        )
        self.opened.append(container)
        said = await self.line(container)
        if said != "hello":
            raise AssertionError((said, await container.wait(), self.output))
        return container

    async def line(self, container: Any) -> str:
        """What the container says next."""
        loop = asyncio.get_running_loop()
        data = b""
        while not data.endswith(b"\n"):
            piece = await asyncio.wait_for(loop.sock_recv(container.stream, 1 << 16), 30)
            if not piece:
                break
            data += piece
        return data.decode().strip()

    async def tell(self, container: Any, code: str) -> None:
        """Have it run `code`."""
        await asyncio.get_running_loop().sock_sendall(container.stream, repr(code).encode() + b"\n")

    async def ask(self, container: Any, code: str) -> str:
        """Have it run `code`, and give the `repr` of what that leaves in `r`."""
        await self.tell(container, code)
        return await self.line(container)


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A directory with the stand-in for the guest; the data directory in it is made by the first session."""
    folder = Path(tempfile.mkdtemp(prefix="intermodal-runtime-"))
    bundle = folder / "bundle" / "intermodal"
    bundle.mkdir(parents=True)
    (bundle / "__init__.py").write_text("")
    (bundle / "guest.py").write_text(_STAND_IN)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def local(folder: Path) -> Iterator[Any]:
    """Opens sessions on one data directory, and checks that they leave no run behind."""

    @contextlib.asynccontextmanager
    async def opened(isolation: str = "namespaces", filtered: bool = True) -> AsyncIterator[Session]:
        session = Session(folder / "data", folder / "bundle", isolation, filtered)
        try:
            yield session
        finally:
            await session.launcher.close()
            for container in session.opened:
                container.stream.close()

    yield SimpleNamespace(open=opened, folder=folder, runs=folder / "data" / "local" / "runs")
    assert list((folder / "data" / "local" / "runs").glob("*")) == []
