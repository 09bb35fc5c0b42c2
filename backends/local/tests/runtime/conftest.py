"""A launcher, and the conformance suite's stand-in for the guest, which runs the Python lines it is sent."""

from __future__ import annotations

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
from intermodal_conformance import standin
from intermodal_local.interpreters import own_python
from intermodal_local.launcher import GUEST, LocalLauncher
from intermodal_local.rootfs import Rootfs


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
        return await standin.line(container)

    async def tell(self, container: Any, code: str) -> None:
        """Have it run `code`."""
        await standin.tell(container, code)

    async def ask(self, container: Any, code: str) -> str:
        """Have it run `code`, and give the `repr` of what that leaves in `r`."""
        return await standin.ask(container, code)


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A directory with the stand-in for the guest; the data directory in it is made by the first session."""
    folder = Path(tempfile.mkdtemp(prefix="intermodal-runtime-"))
    standin.lay_out(folder / "bundle")
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
