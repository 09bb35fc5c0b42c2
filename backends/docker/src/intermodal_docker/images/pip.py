"""Python packages by the image's own pip: where the host's uv is no program for the image (another machine or libc)."""

from __future__ import annotations

from dataclasses import replace

from intermodal.plugins import install_options
from intermodal.plugins.building import KIT, StepRun, Surroundings, with_secret_sources
from intermodal.specs import PythonPackages

__all__ = ["pip_instead"]

_NAMES = {"UV_DEFAULT_INDEX": "PIP_INDEX_URL", "UV_INDEX": "PIP_EXTRA_INDEX_URL", "UV_FIND_LINKS": "PIP_FIND_LINKS"}


def pip_instead(step: PythonPackages, run: StepRun, around: Surroundings) -> StepRun:
    """What does the same as uv's `run`; its files are there already."""
    plain, sources = with_secret_sources(step, around.secrets)
    env = {**run.env, **{_NAMES[name]: value for name, value in sources.items() if name in _NAMES}}
    env |= {"PIP_NO_CACHE_DIR": "1", "PIP_BREAK_SYSTEM_PACKAGES": "1", "PIP_ROOT_USER_ACTION": "ignore"}
    options = install_options(plain, "pip", f"{KIT}/requirements.txt")
    argv = (around.python, "-m", "pip", "install", "--progress-bar=off", *options)
    return replace(run, argv=argv, env=env, files={}, mounts={})
