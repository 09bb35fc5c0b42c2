"""An image: a base and a list of primitive steps. Definitions lower every `Image` method to these, so a builder
knows few."""

from __future__ import annotations

from dataclasses import dataclass

from intermodal.specs.files import FileTree
from intermodal.specs.function import CodeTarget, SourceTree

__all__ = [
    "CopyFiles",
    "DebianSlim",
    "ImageSpec",
    "ImageStep",
    "PythonPackages",
    "RunCommands",
    "RunFunction",
    "SetEnv",
    "SetWorkdir",
    "SystemPackages",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianSlim:
    """The plain base. `python` is "3.11"-like."""

    python: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonPackages:
    """Install Python packages. `tool` is the user's word; a backend may always use uv. `requirements` is a file's
    text."""

    packages: tuple[str, ...] = ()
    requirements: str | None = None
    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: str | None = None
    pre: bool = False
    extra_options: tuple[str, ...] = ()
    tool: str = "pip"
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPackages:
    """`apt-get update && apt-get install -y --no-install-recommends PACKAGES`."""

    packages: tuple[str, ...]
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommands:
    """Shell commands (`/bin/sh -c`), one after another, in the image so far."""

    commands: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFunction:
    """Run a Python function in the image so far and keep what it wrote. `arguments` is the SHA-256 of its pickled
    (args, kwargs)."""

    target: CodeTarget
    source: SourceTree
    arguments: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFiles:
    """Copy a tree to the absolute path `target` inside the image."""

    tree: FileTree
    target: str
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SetEnv:
    """Environment variables for later steps and for containers."""

    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetWorkdir:
    """Working directory for later steps and for containers."""

    path: str


ImageStep = PythonPackages | SystemPackages | RunCommands | RunFunction | CopyFiles | SetEnv | SetWorkdir


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """A whole image definition. Files with `copy=False` are not here: they are mounts of the container
    (image.context)."""

    base: DebianSlim
    steps: tuple[ImageStep, ...] = ()

    def env(self) -> dict[str, str]:
        """The environment that all `SetEnv` steps leave behind."""
        merged: dict[str, str] = {}
        for step in self.steps:
            if isinstance(step, SetEnv):
                merged.update(step.variables)
        return merged

    def workdir(self) -> str:
        """The working directory after all steps; `/root` unless one says otherwise (image.defaults)."""
        path = "/root"
        for step in self.steps:
            if isinstance(step, SetWorkdir):
                path = step.path
        return path
