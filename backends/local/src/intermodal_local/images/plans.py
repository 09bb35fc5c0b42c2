"""What is run in a step's container, for each kind of step."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import intermodal.plugins
from intermodal.plugins import Blobs, install_options
from intermodal.specs import PythonPackages, RunCommands, RunFunction, SystemPackages, to_json
from intermodal_local.images.run import KIT, StepRefused, StepRun
from intermodal_local.images.settings import BuildSettings
from intermodal_local.images.sources import with_secret_sources

__all__ = ["COMPILE", "Surroundings", "plan_commands", "plan_function", "plan_packages", "plan_system"]

UV = f"{KIT}/uv"
CACHE = f"{KIT}/cache"
REQUIREMENTS = f"{KIT}/requirements.txt"
#: Containers cannot write byte code of their own.
COMPILE = "--compile-bytecode"
SETTINGS = f"{KIT}/settings"
GUEST = f"{KIT}/guest"
SOURCE = f"{KIT}/source"

_APT = """
set -e
apt-get update
apt-get install -y --no-install-recommends "$@"
apt-get clean
rm -rf /var/lib/apt/lists/*
"""
_APT_OPTIONS = b"""\
APT::Sandbox::User "root";
Acquire::Retries "3";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Dpkg::Use-Pty "false";
"""
#: Files of the host's root cannot be linked or changed in an ordinary user's container, but copies can replace them.
_ADOPT = b"""\
while read -r archive; do
  dpkg -L "$(dpkg-deb -f "$archive" Package)" 2>/dev/null | while read -r file; do
    if [ -f "$file" ] && [ ! -L "$file" ] && [ ! -O "$file" ]; then
      cp --preserve=mode,timestamps "$file" "$file.adopted" && mv -f "$file.adopted" "$file"
    fi
  done
done
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What an image's steps share: the interpreter, uv and its cache, the user's settings; and the image so far."""

    python: str
    uv: Path
    cache: Path
    settings: BuildSettings
    env: Mapping[str, str]
    workdir: str
    secrets: Mapping[str, str]

    def env_with(self, extra: Mapping[str, str]) -> dict[str, str]:
        """A step's environment: the build's settings, then the image's, then its own, then its secrets."""
        return {**self.settings.env, **self.env, **extra, **self.secrets}


def plan_packages(step: PythonPackages, around: Surroundings) -> StepRun:
    """uv installs into the image's interpreter."""
    files = {} if step.requirements is None else {REQUIREMENTS: step.requirements.encode()}
    own = {
        **dict(step.env),
        "UV_CACHE_DIR": CACHE,
        "UV_LINK_MODE": "copy",
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_BREAK_SYSTEM_PACKAGES": "1",
    }
    step, sources = with_secret_sources(step, around.secrets)
    if around.secrets:
        own.pop("UV_CACHE_DIR")
        own["UV_NO_CACHE"] = "1"  # the cache outlives the build, and may keep addresses that have values in them
    return StepRun(
        argv=(UV, "pip", "install", "--python", around.python, COMPILE, *install_options(step, "uv", REQUIREMENTS)),
        env={**around.env_with(own), **sources},
        workdir=around.workdir,
        files=files,
        mounts={UV: around.uv, **around.settings.files},
        writable={CACHE: around.cache},
    )


def plan_system(step: SystemPackages, around: Surroundings, *, adopt: bool) -> StepRun:
    """apt-get, quietly. `adopt`: files of packages that are replaced are made the container's own before."""
    options, script = f"{KIT}/apt.conf", f"{KIT}/adopt.sh"
    hook = f'DPkg::Pre-Install-Pkgs {{ "/bin/sh {script}"; }};\n'.encode() if adopt else b""
    return StepRun(
        argv=("/bin/sh", "-c", _APT, "apt_install", *step.packages),
        env=around.env_with({**dict(step.env), "DEBIAN_FRONTEND": "noninteractive", "APT_CONFIG": options}),
        files={options: _APT_OPTIONS + hook, script: _ADOPT},
        mounts=around.settings.files,
    )


def plan_commands(step: RunCommands, around: Surroundings) -> StepRun:
    """One shell after another; the first that fails ends it."""
    script = 'for command do\n  printf "+ %s\\n" "$command"\n  /bin/sh -c "$command" || exit $?\ndone'
    return StepRun(
        argv=("/bin/sh", "-c", script, "run_commands", *step.commands),
        env=around.env_with(dict(step.env)),
        workdir=around.workdir,
        mounts=around.settings.files,
    )


def plan_function(step: RunFunction, around: Surroundings, source: Path, blobs: Blobs) -> StepRun:
    """The guest's helper calls the function. `source` is the directory of the user's source. Raises `StepRefused`."""
    order = f"{KIT}/order.json"
    blobs_shown = {"code": step.target.pickled, "arguments": step.arguments}
    places = {name: f"{KIT}/{name}" for name, blob in blobs_shown.items() if blob is not None}
    told = {"target": to_json(step.target), "python_path": [SOURCE], "code": None, "arguments": None, **places}
    shown = {places[name]: _blob(blobs, blob, name) for name, blob in blobs_shown.items() if blob is not None}
    return StepRun(
        argv=(around.python, "-m", "intermodal.guest.build_function", order),
        env=around.env_with({**dict(step.env), "PYTHONPATH": GUEST, "PYTHONUNBUFFERED": "1"}),
        workdir=around.workdir,
        files={order: json.dumps(told).encode()},
        mounts={**around.settings.files, **_guest(), SOURCE: source, **shown},
    )


def _guest() -> dict[str, Path]:
    """What the guest is made of, from this process's own installation."""
    packages = {"intermodal": Path(intermodal.plugins.__file__).parent.parent, "cloudpickle": _package("cloudpickle")}
    return {f"{GUEST}/{name}": path for name, path in packages.items()}


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
