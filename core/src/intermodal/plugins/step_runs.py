"""What is run in a step's container, for each kind of step: for builders that make layers by running programs.

Public to authors of backends, as names of `intermodal.plugins.building`.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import intermodal.exception
from intermodal.exception import BackendError
from intermodal.plugins.build_hints import hint_for
from intermodal.plugins.build_settings import BuildSettings
from intermodal.plugins.roles import Blobs, GpuLease
from intermodal.plugins.sources import with_secret_sources
from intermodal.plugins.steps import install_options
from intermodal.specs import (
    CacheMount,
    PythonPackages,
    RunCommands,
    RunFunction,
    SecretMount,
    StepMount,
    StepResources,
    SystemPackages,
    to_json,
)

__all__ = [
    "APT_CACHE",
    "COMPILE",
    "KIT",
    "KIT_SETTINGS",
    "KIT_SOURCE",
    "UV_CACHE",
    "StepFailed",
    "StepRefused",
    "StepRun",
    "Surroundings",
    "find_uv",
    "plan_commands",
    "plan_function",
    "plan_packages",
    "plan_system",
]

#: Where a step's container shows what only the build has: the installer, settings, the shipped source.
KIT = "/opt/intermodal"

_UV = f"{KIT}/uv"
_REQUIREMENTS = f"{KIT}/requirements.txt"
#: Containers cannot write byte code of their own.
COMPILE = "--compile-bytecode"
#: Where it shows the files that the user's settings name.
KIT_SETTINGS = f"{KIT}/settings"
#: Where it shows the source that a function of the user's needs.
KIT_SOURCE = f"{KIT}/source"
_GUEST = f"{KIT}/guest"

#: Caches of downloads, which outlive builds.
UV_CACHE, APT_CACHE = "intermodal-uv", "intermodal-apt"

_APT = """
set -e
cache=$1
shift
mkdir -p "$cache/lists/partial" "$cache/archives/partial"
apt-get update
apt-get install -y --no-install-recommends "$@"
apt-get autoclean
rm -rf /var/lib/apt/lists/*
"""
_APT_OPTIONS = """\
Dir::State::Lists "{cache}/lists";
Dir::Cache::Archives "{cache}/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
APT::Keep-Downloaded-Packages "true";
APT::Sandbox::User "root";
Acquire::Retries "3";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Dpkg::Use-Pty "false";
"""


_KILLED = 128 + 9


class StepFailed(Exception):
    """The program of a step ended with another code than 0. `lines` are the last that it printed; `memory`: how many
    MiB it might use."""

    def __init__(self, code: int, lines: Sequence[str], memory: int | None = None) -> None:
        super().__init__(code, lines, memory)
        self.code = code
        self.lines = list(lines)
        self.memory = memory

    def __str__(self) -> str:
        """For people: the code, the lines, and a hint where one fits."""
        lines = "".join(f"\n    {line}" for line in self.lines) or "\n    (it printed nothing)"
        hint = hint_for("\n".join(self.lines))
        if self.memory is not None and self.code == _KILLED:
            hint = f"It was killed; the step may use {self.memory} MiB, which memory= says: ask for more."
        return f"exit code {self.code}. Its last output:{lines}" + (f"\n{hint}" if hint else "")


class StepRefused(Exception):
    """The step cannot be made as it is defined; the words say why."""


@dataclass(slots=True, kw_only=True)
class StepRun:
    """A program to run in a step's container.

    Args:
        argv: the program.
        env: its whole environment, but for PATH, HOME and LANG, which have defaults.
        files: small files to show, by absolute path below `KIT`.
        mounts: host paths to show read-only, by absolute path below `KIT`.
        extras: what else is there for the step alone, anywhere.
        secrets: the values that `SecretMount`s among them name.
        user: who runs it, "" for root; HOME is then that user's, and the directory is made by root.
        resources: how much of the machine it may use.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str = "/root"
    files: Mapping[str, bytes] = field(default_factory=dict)
    mounts: Mapping[str, Path] = field(default_factory=dict)
    extras: tuple[StepMount, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    user: str = ""
    resources: StepResources = StepResources()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an image's steps share.

    Args:
        python: the image's interpreter, inside.
        uv: the installer's program, on this host.
        settings: the user's.
        env, workdir, user: the image's, so far.
        secrets: values of the step's own.
        gpus: its devices.
        cache: where a step sees a cache of downloads. A place that images have anyway leaves no trace there, where the
            backend cannot take mount points away.
    """

    python: str
    uv: Path
    settings: BuildSettings
    env: Mapping[str, str]
    workdir: str
    secrets: Mapping[str, str]
    user: str = ""
    gpus: GpuLease | None = None
    cache: str = f"{KIT}/cache"

    def env_with(self, extra: Mapping[str, str]) -> dict[str, str]:
        """A step's environment: the build's settings, then the image's, then its own, then its secrets, then its
        devices."""
        return {**self.settings.env, **self.env, **extra, **self.secrets, **dict(self.gpus.env if self.gpus else ())}


def find_uv() -> Path:
    """uv's program on this host. Raises `BackendError` where it is nowhere."""
    try:
        import uv

        return Path(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise BackendError("uv, which installs the packages of images, is not on this host: `pip install uv`")
    return Path(found)


def plan_packages(step: PythonPackages, around: Surroundings) -> StepRun:
    """uv installs into the image's interpreter."""
    files = {} if step.requirements is None else {_REQUIREMENTS: step.requirements.encode()}
    own = {
        **dict(step.env),
        "UV_LINK_MODE": "copy",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_BREAK_SYSTEM_PACKAGES": "1",
    }
    step, sources = with_secret_sources(step, around.secrets)
    extras: tuple[StepMount, ...] = ()
    if around.secrets:
        own["UV_NO_CACHE"] = "1"  # the cache outlives the build, and may keep addresses that have values in them
    else:
        own["UV_CACHE_DIR"] = around.cache
        extras = (CacheMount(target=around.cache, id=UV_CACHE),)
    return StepRun(
        argv=(_UV, "pip", "install", "--python", around.python, COMPILE, *install_options(step, "uv", _REQUIREMENTS)),
        env={**around.env_with(own), **sources},
        workdir=around.workdir,
        files=files,
        mounts={_UV: around.uv, **around.settings.files},
        extras=extras,
        resources=step.resources,
    )


def plan_system(step: SystemPackages, around: Surroundings, options: bytes = b"") -> StepRun:
    """apt-get, quietly. `options` are lines of its configuration that the backend adds."""
    file = f"{KIT}/apt.conf"
    return StepRun(
        argv=("/bin/sh", "-c", _APT, "apt_install", around.cache, *step.packages),
        env=around.env_with({**dict(step.env), "DEBIAN_FRONTEND": "noninteractive", "APT_CONFIG": file}),
        files={file: _APT_OPTIONS.format(cache=around.cache).encode() + options},
        mounts=around.settings.files,
        extras=(CacheMount(target=around.cache, id=APT_CACHE, alone=True),),
        resources=step.resources,
    )


def plan_commands(step: RunCommands, around: Surroundings) -> StepRun:
    """One shell after another; the first that fails ends it. Raises `StepRefused`: a secret is not there."""
    extras = tuple(mount for mount in step.mounts if _is_there(mount, around.secrets))
    script = 'for command do\n  printf "+ %s\\n" "$command"\n  /bin/sh -c "$command" || exit $?\ndone'
    return StepRun(
        argv=("/bin/sh", "-c", script, "run_commands", *step.commands),
        env=around.env_with(dict(step.env)),
        workdir=around.workdir,
        mounts=around.settings.files,
        extras=extras,
        secrets=around.secrets,
        user=around.user,
        resources=step.resources,
    )


def _is_there(mount: StepMount, secrets: Mapping[str, str]) -> bool:
    if not isinstance(mount, SecretMount) or mount.variable in secrets:
        return True
    if mount.required:
        raise StepRefused(f"no secret of the step has {mount.variable!r}: give one that has it, secrets=[...]")
    return False


def plan_function(step: RunFunction, around: Surroundings, source: Path | None, blobs: Blobs) -> StepRun:
    """The guest's helper calls the function. Raises `StepRefused`.

    Args:
        step, around: as for the others.
        source: a directory of this host with the user's source; None: the backend brings it to `KITKIT_SOURCE` itself.
        blobs: have the function's code and arguments.
    """
    order = f"{KIT}/order.json"
    blobs_shown = {"code": step.target.pickled, "arguments": step.arguments}
    places = {name: f"{KIT}/{name}" for name, blob in blobs_shown.items() if blob is not None}
    told = {"target": to_json(step.target), "python_path": [KIT_SOURCE], "code": None, "arguments": None, **places}
    shown = {places[name]: _blob(blobs, blob, name) for name, blob in blobs_shown.items() if blob is not None}
    return StepRun(
        argv=(around.python, "-m", "intermodal.guest.build_function", order),
        env=around.env_with({**dict(step.env), "PYTHONPATH": _GUEST, "PYTHONUNBUFFERED": "1"}),
        workdir=around.workdir,
        files={order: json.dumps(told).encode()},
        mounts={**around.settings.files, **_guest(), **({KIT_SOURCE: source} if source else {}), **shown},
        resources=step.resources,
    )


def _guest() -> dict[str, Path]:
    """What the guest is made of, from this process's own installation."""
    packages = {"intermodal": Path(intermodal.exception.__file__).parent, "cloudpickle": _package("cloudpickle")}
    return {f"{_GUEST}/{name}": path for name, path in packages.items()}


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise StepRefused(f"the package {name}, which runs functions in images, is not installed beside intermodal")
    return Path(spec.origin).parent


def _blob(blobs: Blobs, blob: str, name: str) -> Path:
    try:
        return blobs.path(blob)
    except KeyError:
        raise StepRefused(f"the function's {name} ({blob[:12]}) is not there") from None
