"""Projects of uv and Poetry, and packages of private repositories, as primitive steps (image.steps)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from intermodal.definitions.composing import Composing
from intermodal.definitions.files import Blobs
from intermodal.definitions.step_options import StepOptions
from intermodal.exception import CapabilityNotSupported, InvalidError, NotFoundError
from intermodal.specs import CopyFiles, DebianSlim, FileEntry, FileTree, ImageStep, PythonPackages, RunCommands

__all__ = ["CondaPackages", "PoetryProject", "UvProject"]

_UV_ROOT = "/.uv"
_POETRY_ROOT = "/tmp/poetry"


@dataclass(frozen=True, kw_only=True)
class _Project:
    """What they have in common. `options` are those of the installing step."""

    options: StepOptions = field(default_factory=StepOptions)

    def _tool(self, name: str) -> PythonPackages:
        return PythonPackages(packages=(name,), force=self.options.force)

    def _command(self, making: Composing, lines: list[str]) -> RunCommands:
        return self.options.applied(RunCommands(commands=(" && ".join(lines),)), making)


@dataclass(frozen=True, kw_only=True)
class UvProject(_Project):
    """The locked dependencies of a uv project, in the image's own interpreter; the project itself is not installed."""

    directory: Path
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    frozen: bool = True
    export_options: tuple[str, ...] = ()
    uv_version: str | None = None

    def lower(self, making: Composing) -> Iterator[ImageStep]:
        """uv, the project's files, and their installation. Raises `NotFoundError`, `InvalidError`."""
        blobs, project = making.shipping.blobs, self.directory / "pyproject.toml"
        entries = [_file(project, "pyproject.toml", blobs)]
        if "[tool.uv.workspace]" in project.read_text(errors="replace"):
            raise InvalidError(f"{project} is a uv workspace, which Image.uv_sync does not know: name a member of it")
        lock = self.directory / "uv.lock"
        if lock.exists():
            entries.append(_file(lock, "uv.lock", blobs))
        yield self._tool("uv" if self.uv_version is None else f"uv=={self.uv_version}")
        yield CopyFiles(tree=FileTree(tuple(entries)), target=_UV_ROOT)
        chosen = [f"--group={name}" for name in self.groups] + [f"--extra={name}" for name in self.extras]
        frozen = ["--frozen"] if self.frozen and lock.exists() else []
        words = ["--no-cache", "--no-progress", f"--project={_UV_ROOT}", "--no-emit-workspace", "--no-header"]
        export = shlex.join(["export", *frozen, *words, *chosen, *self.export_options, "-o", f"{_UV_ROOT}/locked.txt"])
        install = (
            f"pip install --no-cache --no-progress --break-system-packages --compile-bytecode -r {_UV_ROOT}/locked.txt"
        )
        python = '"$(command -v python3)"'
        uv = "UV_PYTHON_DOWNLOADS=never python3 -m uv"
        yield self._command(making, [f"{uv} {export} --python {python} --quiet", f"{uv} {install} --python {python}"])


@dataclass(frozen=True, kw_only=True)
class PoetryProject(_Project):
    """The dependencies of a Poetry project, installed by Poetry into the image's own interpreter."""

    project: Path
    lock: Path | None
    groups: tuple[str, ...] = ()
    version: str | None = "latest"
    old_installer: bool = False

    def lower(self, making: Composing) -> Iterator[ImageStep]:
        """Poetry, the project's files, and their installation. Raises `NotFoundError`."""
        blobs = making.shipping.blobs
        entries = [_file(self.project, "pyproject.toml", blobs)]
        if self.lock is not None:
            if not self.lock.exists():
                raise NotFoundError(f"there is no {self.lock}: run `poetry lock`, or give ignore_lockfile=True")
            entries.insert(0, _file(self.lock, "poetry.lock", blobs))
        if self.version is not None:
            yield self._tool("poetry" if self.version == "latest" else f"poetry=={self.version}")
        yield CopyFiles(tree=FileTree(tuple(entries)), target=_POETRY_ROOT)
        poetry = "python3 -m poetry"
        lines = [f"cd {_POETRY_ROOT}", "export POETRY_VIRTUALENVS_CREATE=false POETRY_CACHE_DIR=/tmp/poetry-cache"]
        if self.old_installer:
            lines.append("export POETRY_EXPERIMENTAL_NEW_INSTALLER=false")
        install = shlex.join(["install", "--no-root", "--no-interaction", "--compile", *self.groups])
        yield self._command(making, [*lines, f"{poetry} {install}", "rm -rf /tmp/poetry-cache"])


@dataclass(frozen=True, kw_only=True)
class CondaPackages(_Project):
    """Packages of conda channels, by the micromamba that the image has."""

    packages: tuple[str, ...]
    channels: tuple[str, ...] = ()
    spec_file: Path | None = None

    def lower(self, making: Composing) -> Iterator[ImageStep]:
        """Raises `CapabilityNotSupported`: debian_slim has no micromamba."""
        if isinstance(making.base, DebianSlim):
            raise CapabilityNotSupported(
                "image.micromamba_install",
                hint="Image.micromamba_install needs an image with micromamba: begin with Image.micromamba(), which a "
                "container backend pulls, or use apt_install and pip_install",
            )
        words = ["micromamba", "install", "--yes", "-n", "base", *self.packages]
        if self.spec_file is not None:
            target = f"/tmp/{self.spec_file.name}"
            entry = _file(self.spec_file, "", making.shipping.blobs)
            yield CopyFiles(tree=FileTree((entry,)), target=target)
            words += ["-f", target]
        for channel in self.channels:
            words += ["-c", channel]
        yield self._command(making, [shlex.join(words)])


def _file(path: Path, name: str, blobs: Blobs) -> FileEntry:
    return blobs.add_file(path, name)
