"""Real builds in real engines: a builder for each test, whose layers are its own and removed afterwards."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from builds import FileBlobs, Recorder
from intermodal.plugins import BuildGrants, BuiltImage, Config, ImageInfo, PruneReport
from intermodal.plugins.building import Layer, image_layers
from intermodal.specs import (
    DebianSlim,
    ImageBase,
    ImageSpec,
    ImageStep,
    Registry,
    RunCommands,
    SetEnv,
    content_hash,
)
from intermodal_docker.builder import EngineBuilder
from intermodal_docker.engine import Engine, EngineUnavailable
from intermodal_docker.engines.docker_engine import DockerEngine
from intermodal_docker.engines.podman_engine import PodmanEngine
from intermodal_docker.images.names import reference
from intermodal_docker.options import add_options

ENGINES = {"docker": DockerEngine, "podman": PodmanEngine}
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass
class Workshop:
    """A builder and what its builds said. A variable that only its images have keeps its layers apart."""

    backend: str
    data: Path
    settings: dict[str, str] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self) -> None:
        config = Config.load(command_line={"data_dir": str(self.data), "backend": self.backend, **self.settings})
        add_options(config.options, self.backend)
        self.engine: Engine = ENGINES[self.backend](config.get(f"{self.backend}.host"))
        self.blobs = FileBlobs(self.data / "blobs")
        self.builder = EngineBuilder(self.engine, config)
        self.said = Recorder()
        self.asked: list[ImageSpec] = []

    def image(self, *steps: ImageStep, python: str = PYTHON, base: ImageBase | None = None) -> ImageSpec:
        """A definition whose layers no other test has."""
        mine = SetEnv(variables=(("WORKSHOP", self.mark),))
        return ImageSpec(base=base or DebianSlim(python=python), steps=(mine, *steps))

    async def building(
        self, *steps: ImageStep, base: ImageBase | None = None, secrets: dict[str, dict[str, str]] | None = None
    ) -> BuiltImage:
        """Build an image; `said` is what this build says."""
        self.said = Recorder(told=self.said.told)
        image = self.image(*steps, base=base)
        self.asked.append(image)
        return await self.builder.build(image, self.blobs, self.said, BuildGrants(secrets=secrets or {}))

    def build(
        self, *steps: ImageStep, base: ImageBase | None = None, secrets: dict[str, dict[str, str]] | None = None
    ) -> BuiltImage:
        """Build, and wait for it."""
        return asyncio.run(self.building(*steps, base=base, secrets=secrets))

    def see(self, *before: ImageStep, command: str, base: ImageBase | None = None) -> list[str]:
        """What `command` prints in the image of these steps."""
        built = self.build(*before, base=base)
        return self.look(built, command)

    def look(self, built: BuiltImage, command: str) -> list[str]:
        """What `command` prints in a container of an image."""
        from intermodal_docker.engine import CreateRequest

        id = self.engine.create(
            CreateRequest(image=built.ref, entrypoint=["/bin/sh", "-c"], command=[command], workdir=built.workdir)
        )
        try:
            self.engine.start(id)
            self.engine.wait(id)
            return b"".join(data for _, data in self.engine.logs(id)).decode().splitlines()
        finally:
            self.engine.remove(id)

    def again(self) -> Workshop:
        """Another session over the same layers."""
        return Workshop(self.backend, self.data, self.settings, self.mark)

    def images(self) -> list[ImageInfo]:
        """As `intermodal image ls`."""
        return list(asyncio.run(self.builder.images()))

    def prune(self, *, everything: bool = False, older_than_s: float = 0.0) -> PruneReport:
        """As `intermodal image prune`."""
        return asyncio.run(self.builder.prune(everything=everything, older_than_s=older_than_s))

    def keys(self, *steps: ImageStep, base: ImageBase | None = None) -> list[str]:
        """What the layers of an image are called."""
        return [layer.key for layer in self._layers(self.image(*steps, base=base))]

    def _layers(self, image: ImageSpec) -> list[Layer]:
        def identify(step: ImageBase | ImageStep) -> str:
            if not isinstance(step, DebianSlim | Registry):
                return content_hash(step)
            name = self.builder._options.reference(step)
            there = self.engine.image(name)
            known = there.id if there is not None else self.builder._cache.last_base(name)
            return content_hash((f"{name} {known}", content_hash(step)))

        return image_layers(image, identify=identify, session=self.builder._session)

    def close(self) -> None:
        """End the session, and remove its layers."""
        layers = {layer.key: layer for image in self.asked for layer in self._layers(image)}
        for key in set(self.builder._uses._held) - set(layers) if self.asked else ():
            self.engine.remove_image(reference(key))
        for layer in reversed(layers.values()):
            if not isinstance(layer.step, DebianSlim):  # those are shared by all tests, so that not each has to make it
                for key in {layer.key, layer.plain}:
                    self.engine.remove_image(reference(key))
        asyncio.run(self.builder.close())


@pytest.fixture(params=list(ENGINES))
def workshop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workshop]:
    """A session of each engine."""
    made = Workshop(request.param, tmp_path)
    try:
        made.engine.info()
    except EngineUnavailable as error:
        pytest.skip(str(error))
    yield made
    made.close()


def run(command: str, **more: object) -> RunCommands:
    """A step of one shell command."""
    return RunCommands(commands=(command,), **more)  # type: ignore[arg-type]
