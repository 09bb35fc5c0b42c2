"""An image: a base and a list of primitive steps. Definitions lower every `Image` method to these, so a builder
knows few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from intermodal.specs.files import FileTree
from intermodal.specs.function import CodeTarget, SourceTree
from intermodal.specs.resources import StepResources

__all__ = [
    "AddArchive",
    "CacheMount",
    "CopyFiles",
    "CopyFrom",
    "DebianSlim",
    "FilesMount",
    "ImageBase",
    "ImageMount",
    "ImageSpec",
    "ImageStep",
    "PythonPackages",
    "Registry",
    "RunCommands",
    "RunFunction",
    "Scratch",
    "SecretMount",
    "SetCmd",
    "SetEntrypoint",
    "SetEnv",
    "SetUser",
    "SetWorkdir",
    "Setting",
    "StepMount",
    "SystemPackages",
    "TmpfsMount",
    "step_resources",
    "step_sources",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DebianSlim:
    """The plain base. `python` is "3.11"-like."""

    python: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """An image of a container registry, as `docker pull` names it.

    `python` is "3.11"-like, or "" where the definition does not say what the image has. `add_python`: the image has
    none, and gets that one. `secret` names the credentials, and `login` says what they are for: "basic" has
    REGISTRY_USERNAME and REGISTRY_PASSWORD, "aws" and "gcp" what those clouds' own tools read.
    """

    tag: str
    python: str = ""
    add_python: bool = False
    secret: str | None = None
    login: Literal["basic", "aws", "gcp"] = "basic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scratch:
    """Nothing at all. `python` is "", for there is none."""

    python: str = ""


ImageBase = DebianSlim | Registry | Scratch


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonPackages:
    """Install Python packages. `tool` is the user's word; a backend may always use uv. `requirements` is a file's
    text.

    Where there are `secrets`, `$NAME` and `${NAME}` in `index_url`, `extra_index_urls` and `find_links` stand for
    their values; in `requirements`, pip and uv replace `${NAME}` themselves.
    """

    packages: tuple[str, ...] = ()
    requirements: str | None = None
    index_url: str | None = None
    extra_index_urls: tuple[str, ...] = ()
    find_links: str | None = None
    pre: bool = False
    extra_options: tuple[str, ...] = ()
    tool: str = "pip"
    env: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    force: bool = False
    resources: StepResources = StepResources()


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPackages:
    """`apt-get update && apt-get install -y --no-install-recommends PACKAGES`."""

    packages: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    force: bool = False
    resources: StepResources = StepResources()


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheMount:
    """A directory that outlives builds and is in no layer: all steps that name `id` on one backend share it. `alone`:
    one step at a time has it."""

    target: str
    id: str
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TmpfsMount:
    """An empty directory in memory, for the step only. `size`: bytes at most."""

    target: str
    size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretMount:
    """The value that the step's secrets have under `variable`, as a file for the step only."""

    target: str
    variable: str
    mode: int = 0o400
    uid: int = 0
    gid: int = 0
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesMount:
    """Local files, for the step only. What it writes there is lost."""

    target: str
    tree: FileTree


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageMount:
    """What another image has at `path`, for the step only. What it writes there is lost."""

    target: str
    source: ImageSpec
    path: str = "/"


StepMount = CacheMount | TmpfsMount | SecretMount | FilesMount | ImageMount


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCommands:
    """Shell commands (`/bin/sh -c`), one after another, in the image so far; `mounts` are what they see beside it."""

    commands: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    force: bool = False
    resources: StepResources = StepResources()
    mounts: tuple[StepMount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFunction:
    """Run a Python function in the image so far and keep what it wrote. `arguments` is the SHA-256 of its pickled
    (args, kwargs)."""

    target: CodeTarget
    source: SourceTree
    arguments: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    secrets: tuple[str, ...] = ()
    force: bool = False
    resources: StepResources = StepResources()


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFiles:
    """Copy a tree to the absolute path `target` inside the image.

    `owner` is "USER", "USER:GROUP" or their numbers, names being those of the image; "": root. `into`: where `target`
    is a directory of the image, a file goes into it under this name. An empty tree makes the directory, no more.
    """

    tree: FileTree
    target: str
    owner: str = ""
    into: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyFrom:
    """Copy what another image has at `paths` to the absolute path `target`; owners and modes stay as they are there,
    where `owner` (as of `CopyFiles`) and `mode` do not say otherwise.

    Names in `paths` may have `*`, `?` and `[...]`. Of a directory, its content is copied. `directory`: `target` is one,
    and gets files under their own names.
    """

    source: ImageSpec
    paths: tuple[str, ...]
    target: str
    directory: bool = False
    owner: str = ""
    mode: int | None = None
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AddArchive:
    """Unpack a tar archive, compressed or not, below the absolute path `target`. `archive` is its SHA-256.

    `owner` (as of `CopyFiles`) gets directories that are made on the way; what is in the archive keeps its owners.
    """

    archive: str
    name: str
    target: str
    owner: str = ""
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUser:
    """Who later steps run as: "USER", "USER:GROUP" or their numbers. Containers run as root."""

    user: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetEnv:
    """Environment variables for later steps and for containers."""

    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetWorkdir:
    """Working directory for later steps and for containers."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetEntrypoint:
    """What containers run their own program through: `argv` gets it as its last arguments, and has to execute it. ()
    takes away what the base had."""

    argv: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCmd:
    """What a sandbox runs that was given no command. Functions and classes never run it."""

    argv: tuple[str, ...]


_PLAIN = StepResources()

#: What makes no layer: it holds for later steps and for containers.
Setting = SetEnv | SetWorkdir | SetUser | SetEntrypoint | SetCmd

ImageStep = (
    PythonPackages
    | SystemPackages
    | RunCommands
    | RunFunction
    | CopyFiles
    | CopyFrom
    | AddArchive
    | SetEnv
    | SetWorkdir
    | SetUser
    | SetEntrypoint
    | SetCmd
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSpec:
    """A whole image definition. Files with `copy=False` are not here: they are mounts of the container
    (image.context).

    `secrets` of steps are names; their values come to a build as `intermodal.plugins.BuildGrants`, and are no part of
    any identity.

    `snapshot`: the id of a sandbox's filesystem that stands in the place of the base (sandbox.files). No builder builds
    such an image: it is found (`SnapshotBuilder`).
    """

    base: ImageBase
    steps: tuple[ImageStep, ...] = ()
    snapshot: str | None = None

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

    def entrypoint(self) -> tuple[str, ...] | None:
        """What the last `SetEntrypoint` says; None: what the base has."""
        return next((step.argv for step in reversed(self.steps) if isinstance(step, SetEntrypoint)), None)

    def cmd(self) -> tuple[str, ...] | None:
        """What the last `SetCmd` says; None: what the base has."""
        return next((step.argv for step in reversed(self.steps) if isinstance(step, SetCmd)), None)

    def secrets(self) -> tuple[str, ...]:
        """The names of all secrets that its build needs, each once."""
        names: list[str] = []
        for image in (*self.sources(), self):
            names += [image.base.secret] if isinstance(image.base, Registry) and image.base.secret else []
            for step in image.steps:
                names += getattr(step, "secrets", ())
        return tuple(dict.fromkeys(names))

    def gpus(self) -> bool:
        """Whether a step of its build asks for devices."""
        steps = (step for image in (*self.sources(), self) for step in image.steps)
        return any(step_resources(step).gpu is not None for step in steps)

    def sources(self) -> tuple[ImageSpec, ...]:
        """The images that its steps copy from or show, and theirs: each once, before those that need it."""
        found: dict[ImageSpec, None] = {}
        for step in self.steps:
            for image in step_sources(step):
                found.update(dict.fromkeys((*image.sources(), image)))
        return tuple(found)


def step_resources(step: ImageStep | ImageBase) -> StepResources:
    """What one step asks for; nothing where it runs no program."""
    return step.resources if isinstance(step, (PythonPackages, SystemPackages, RunCommands, RunFunction)) else _PLAIN


def step_sources(step: ImageStep) -> tuple[ImageSpec, ...]:
    """The images that one step needs."""
    if isinstance(step, CopyFrom):
        return (step.source,)
    if isinstance(step, RunCommands):
        return tuple(mount.source for mount in step.mounts if isinstance(mount, ImageMount))
    return ()
