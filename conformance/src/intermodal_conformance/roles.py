"""The roles of the backend under test, for tests that talk to them directly, with a stand-in for the guest."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from intermodal.plugins import BuiltImage, Container, Launcher, PluginHost, Prewarmed, Prewarmer
from intermodal.specs import ContainerSpec, DebianSlim, ImageSpec, ImageStep
from intermodal_conformance import standin
from intermodal_conformance.target import opened

__all__ = ["PYTHON", "Roles", "Sink", "image_of", "roles", "scenario"]

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def image_of(*steps: ImageStep) -> ImageSpec:
    """The plain image with some steps."""
    return ImageSpec(base=DebianSlim(python=PYTHON), steps=steps)


@dataclass
class Sink:
    """What a build said: titles and whether each step was cached, and what the steps printed."""

    steps: list[tuple[int, bool]] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)
    total: int = 0

    def step(self, number: int, total: int, title: str, *, cached: bool) -> None:
        """As `BuildSink`."""
        self.total = total
        self.steps.append((number, cached))

    def output(self, number: int, line: str) -> None:
        """As `BuildSink`."""
        self.printed.append(line)

    @property
    def cached(self) -> list[bool]:
        """Of each step, in order of their numbers."""
        return [cached for _, cached in sorted(self.steps)]

    def last(self, steps: int) -> list[bool]:
        """Of the last so many steps of the image, those that the build came to: a base may be a step, too, before."""
        return [cached for number, cached in sorted(self.steps) if number > self.total - steps]


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
        self._bundle = standin.lay_out(folder)
        self._image: BuiltImage | None = None
        self._opened: list[Container] = []

    @property
    def launcher(self) -> Launcher:
        """The launcher."""
        return self.host.launcher()

    async def build(self, image: ImageSpec, sink: Sink | None = None) -> BuiltImage:
        """Build an image."""
        return await self.host.builder().build(image, NoBlobs(), sink or Sink())

    async def launch(self, image: BuiltImage | None = None, **fields: Any) -> Container:
        """Start a container with the stand-in; it may not have said hello yet."""
        image = image or await self._plain()
        spec = self._spec(image, fields)
        heard = self.output[spec.id] = []
        container = await self.launcher.launch(
            spec, image, None, b"", lambda stream, data: heard.append((stream, data))
        )
        self._opened.append(container)
        return container

    async def prewarm(self, **fields: Any) -> Prewarmed:
        """Have a container of the stand-in stand ready. The launcher is a `Prewarmer`."""
        launcher = self.launcher
        assert isinstance(launcher, Prewarmer)
        image = await self._plain()
        return await launcher.prewarm(self._spec(image, fields), image)

    async def bare(self) -> Container:
        """Start a container with nothing in it."""
        image = await self._plain()
        name = f"conf-{uuid.uuid4().hex[:12]}"
        spec = ContainerSpec(id=name, app="conformance", function="roles", workdir=image.workdir, env=image.env)
        container = await self.launcher.bare(spec, image, None, lambda stream, data: None)
        self._opened.append(container)
        return container

    async def start(self, image: BuiltImage | None = None, **fields: Any) -> Container:
        """Start a container, and wait until it listens."""
        container = await self.launch(image, **fields)
        said = await standin.line(container)
        assert said == "hello", f"instead of a guest's hello came {said!r}; it printed {self.output[container.id]}"
        return container

    async def tell(self, container: Container, code: str) -> None:
        """Have it run some code, and do not wait."""
        await standin.tell(container, code)

    async def ask(self, container: Container, code: str) -> str:
        """Have it run some code; the `repr` of what that leaves in `r`."""
        return await standin.ask(container, code)

    def printed(self, container: Container, stream: int) -> bytes:
        """What a container has written to its stdout (1) or stderr (2)."""
        return b"".join(data for number, data in self.output[container.id] if number == stream)

    async def _plain(self) -> BuiltImage:
        self._image = self._image or await self.build(image_of())
        return self._image

    def _spec(self, image: BuiltImage, fields: Mapping[str, Any]) -> ContainerSpec:
        given = {"app": "conformance", "function": "roles", "env": image.env, "workdir": image.workdir, **fields}
        return ContainerSpec(id=f"conf-{uuid.uuid4().hex[:12]}", mounts=(self._bundle,), **given)

    async def close(self) -> None:
        """End everything."""
        await self.host.close_roles()
        for container in self._opened:
            container.stream.close()


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


def scenario(story: Callable[[Roles], Awaitable[None]]) -> None:
    """Run a test with roles of its own."""

    async def run() -> None:
        async with roles() as found:
            await story(found)

    asyncio.run(run())
