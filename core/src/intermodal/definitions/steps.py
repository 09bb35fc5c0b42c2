"""Steps of an image definition that need local files or code, read when the app starts and not before."""

from __future__ import annotations

import importlib.util
import posixpath
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from intermodal.definitions.composing import Composing
from intermodal.definitions.files import Blobs, directory_tree, file_tree
from intermodal.definitions.ignore import Ignore, as_predicate
from intermodal.definitions.step_options import StepOptions
from intermodal.exception import InvalidError, NotFoundError
from intermodal.specs import (
    CopyFiles,
    ImageStep,
    MountSpec,
    PythonPackages,
    RunCommands,
    RunFunction,
    SystemPackages,
)

__all__ = [
    "CodeStep",
    "Commands",
    "Copied",
    "LocalDirectory",
    "LocalFile",
    "LocalModule",
    "Optioned",
    "Requirements",
    "Shell",
]


class Local(Protocol):
    """Local files that appear in containers."""

    def mounts(self, blobs: Blobs, workdir: str) -> list[MountSpec]: ...


@dataclass(frozen=True)
class LocalFile:
    """One file."""

    source: Path
    target: str

    def mounts(self, blobs: Blobs, workdir: str) -> list[MountSpec]:
        """Where it goes; a target that ends in `/` is a directory that gets it under its own name."""
        target = self.target + self.source.name if self.target.endswith("/") else self.target
        return [MountSpec(tree=file_tree(self.source, blobs), target=posixpath.join(workdir, target))]


@dataclass(frozen=True)
class LocalDirectory:
    """A directory's content."""

    source: Path
    target: str
    ignore: Ignore = ()

    def mounts(self, blobs: Blobs, workdir: str) -> list[MountSpec]:
        """Where it goes."""
        tree = directory_tree(self.source, as_predicate(self.ignore), blobs)
        return [MountSpec(tree=tree, target=posixpath.normpath(posixpath.join(workdir, self.target)))]


@dataclass(frozen=True)
class LocalModule:
    """A module or package that is importable here, put where containers import from."""

    name: str
    ignore: Ignore | None = None

    def mounts(self, blobs: Blobs, workdir: str) -> list[MountSpec]:
        """Raises `NotFoundError`: no such module here, or it has no source."""
        try:
            spec = importlib.util.find_spec(self.name)
        except (ImportError, ValueError):
            spec = None
        target = "/root/" + self.name.replace(".", "/")
        if spec is not None and spec.submodule_search_locations:
            ignored = as_predicate(_not_python if self.ignore is None else self.ignore)
            folders = [Path(folder) for folder in spec.submodule_search_locations]
            return [MountSpec(tree=directory_tree(folder, ignored, blobs), target=target) for folder in folders[:1]]
        if spec is None or spec.origin is None or not spec.origin.endswith(".py"):
            raise NotFoundError(
                f"add_local_python_source({self.name!r}): there is no such module with a source file here"
            )
        return [MountSpec(tree=file_tree(Path(spec.origin), blobs), target=target + ".py")]


def _not_python(path: Path) -> bool:
    return path.suffix != ".py"


@dataclass(frozen=True)
class Copied:
    """Local files copied into the image (`copy=True`)."""

    local: Local
    force: bool = False

    def lower(self, making: Composing) -> list[CopyFiles]:
        """Raises `NotFoundError`."""
        (mount,) = self.local.mounts(making.shipping.blobs, making.workdir)
        return [CopyFiles(tree=mount.tree, target=mount.target, force=self.force)]


@dataclass(frozen=True)
class Requirements:
    """Packages that a local file names: a requirements file, or a pyproject.toml with `optional` groups."""

    source: Path
    packages: PythonPackages
    options: StepOptions
    optional: tuple[str, ...] | None = None

    def lower(self, making: Composing) -> list[PythonPackages]:
        """Raises `NotFoundError`, `InvalidError`."""
        try:
            text = self.source.read_text()
        except OSError as error:
            raise NotFoundError(f"{self.source} cannot be read: {error.strerror}") from None
        packages = self.options.applied(self.packages, making)
        if self.optional is None:
            earlier = packages.requirements
            return [replace(packages, requirements=text if earlier is None else f"{earlier}\n{text}")]
        names = _project_dependencies(self.source, text, self.optional)
        return [replace(packages, packages=(*packages.packages, *names))]


def _project_dependencies(path: Path, text: str, optional: Sequence[str]) -> list[str]:
    try:
        import tomllib
    except ImportError:  # Python 3.10 has none, and only the caller's side comes here
        raise InvalidError("reading pyproject.toml needs Python 3.11 or later") from None
    project: Mapping[str, Any] = tomllib.loads(text).get("project", {})
    if "dependencies" not in project:
        raise InvalidError(f"{path} has no [project] dependencies")
    found = list(project["dependencies"])
    extras = project.get("optional-dependencies", {})
    for name in optional:
        if name not in extras:
            raise InvalidError(f"{path} has no optional dependencies {name!r}; it has: {', '.join(extras) or 'none'}")
        found += extras[name]
    return found


@dataclass(frozen=True)
class Commands:
    """Shell commands, run by the shell of the image."""

    lines: tuple[str, ...]
    options: StepOptions

    def lower(self, making: Composing) -> Iterator[ImageStep]:
        """One step."""
        lines = tuple(shlex.join((*making.shell, line)) if making.shell else line for line in self.lines)
        yield self.options.applied(RunCommands(commands=lines), making)


@dataclass(frozen=True)
class CodeStep:
    """Run a Python function while the image is built."""

    function: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    options: StepOptions = field(default_factory=StepOptions)

    def lower(self, making: Composing) -> list[RunFunction]:
        """Raises `InvalidError`, `SerializationError`."""
        target, source = making.shipping.code(self.function)
        arguments = making.shipping.pickled((self.args, dict(self.kwargs))) if self.args or self.kwargs else None
        return [self.options.applied(RunFunction(target=target, source=source, arguments=arguments), making)]


@dataclass(frozen=True)
class Optioned:
    """A step with the options that its method was given."""

    step: PythonPackages | SystemPackages
    options: StepOptions

    def lower(self, making: Composing) -> list[ImageStep]:
        """The step, which knows them now."""
        return [self.options.applied(self.step, making)]


@dataclass(frozen=True)
class Shell:
    """The shell of later commands; () is `/bin/sh -c`."""

    argv: tuple[str, ...]

    def lower(self, making: Composing) -> tuple[ImageStep, ...]:
        """No step of its own."""
        making.shell = self.argv
        return ()
