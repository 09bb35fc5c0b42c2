"""Real builds for tests: a builder over one shared base and uv cache, layers in a directory of each test's own."""

from __future__ import annotations

import asyncio
import io
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from builds import FileBlobs, Recorder
from intermodal.plugins import BuildGrants, BuiltImage, ImageInfo, PruneReport
from intermodal.specs import DebianSlim, ImageBase, ImageSpec, ImageStep, RunCommands
from intermodal_local.images import Grounds, LocalBuilder

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@dataclass
class Workshop:
    """A builder and what its builds said."""

    root: Path
    grounds: Grounds
    blobs: FileBlobs

    def __post_init__(self) -> None:
        self.builder = LocalBuilder(self.root, self.grounds.find)
        self.said = Recorder()

    def build(
        self,
        *steps: ImageStep,
        python: str = PYTHON,
        base: ImageBase | None = None,
        secrets: dict[str, dict[str, str]] | None = None,
    ) -> BuiltImage:
        """Build an image; `said` is what this build said."""
        self.said = Recorder()
        image = ImageSpec(base=base or DebianSlim(python=python), steps=steps)
        grants = BuildGrants(secrets=secrets or {})
        return asyncio.run(self.builder.build(image, self.blobs, self.said, grants))

    def see(self, *before: ImageStep, command: str) -> list[str]:
        """What `command` prints in the image of these steps."""
        self.build(*before, RunCommands(commands=(command,), force=True))
        last = max(number for number, _, _ in self.said.steps)
        return [line for number, line in self.said.printed if number == last and not line.startswith("+ ")]

    def again(self) -> Workshop:
        """Another session over the same layers."""
        return Workshop(self.root, self.grounds, self.blobs)

    def images(self) -> list[ImageInfo]:
        """As `intermodal image ls`."""
        return list(asyncio.run(self.builder.images()))

    def prune(self, *, everything: bool = False, older_than_s: float = 0.0) -> PruneReport:
        """As `intermodal image prune`."""
        return asyncio.run(self.builder.prune(everything=everything, older_than_s=older_than_s))

    def close(self) -> None:
        """End the session."""
        asyncio.run(self.builder.close())

    @property
    def leftovers(self) -> list[str]:
        """What lies where layers are made."""
        return sorted(path.name for path in (self.root / "tmp").iterdir())


@pytest.fixture(scope="session")
def shared_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory whose base and uv cache all tests share."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    """An empty blob store."""
    return FileBlobs(tmp_path / "blobs")


@pytest.fixture
def workshop(tmp_path: Path, shared_data: Path, blobs: FileBlobs) -> Iterator[Workshop]:
    """A session over namespaces."""
    made = Workshop(tmp_path / "images", Grounds(shared_data, "namespaces"), blobs)
    yield made
    made.close()


@pytest.fixture
def process_workshop(tmp_path: Path, shared_data: Path, blobs: FileBlobs) -> Iterator[Workshop]:
    """A session over plain processes."""
    made = Workshop(tmp_path / "images", Grounds(shared_data, "process"), blobs)
    yield made
    made.close()


@pytest.fixture
def wheel() -> Callable[[str, str], tuple[str, bytes]]:
    """Makes a tiny wheel without an index: its file name and bytes. Its module says its version."""

    def make(name: str, version: str) -> tuple[str, bytes]:
        # Sizes differ: files of one size and one second look the same to Python's bytecode cache.
        code = f"version = {version!r}\ndef main():\n    print(version)\n" + "#" * int(version)
        info = f"{name}-{version}.dist-info"
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr(f"{name}.py", code)
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nTag: py3-none-any\n")
            archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\nsay-{name} = {name}:main\n")
            archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
        return f"{name}-{version}-py3-none-any.whl", buffer.getvalue()

    return make
