"""`isolation = "process"`: an image is a virtual environment over an interpreter of the host, and nothing else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from intermodal.exception import CapabilityNotSupported
from intermodal.plugins import install_options, step_capability
from intermodal.plugins.building import COMPILE, StepRun, read_settings, with_secret_sources
from intermodal.specs import ImageStep, PythonPackages
from intermodal_local.images.ground import StepContext
from intermodal_local.images.keys import BaseIdentity
from intermodal_local.images.run import run_plain
from intermodal_local.rootfs import Python, Rootfs

__all__ = ["ProcessGround"]

_VENV = "venv"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessGround:
    """Each layer is a whole virtual environment: that of the layer below, hard-linked, and what the step installs.

    Args:
        interpreter: what the environments are made from.
        uv, cache: the installer and its cache directory.
    """

    identity: BaseIdentity
    interpreter: Python
    uv: Path
    cache: Path

    @property
    def python(self) -> str:
        """The interpreter's version."""
        return self.interpreter.version

    @property
    def foundation(self) -> str | None:
        """The empty environment."""
        return f"virtual environment of Python {self.interpreter.version}"

    def refuse(self, step: ImageStep) -> None:
        """There is no root to write to."""
        needed = step_capability(step)
        if needed not in (None, "image.pip_install"):
            hint = 'processes have no root of their own: use isolation = "namespaces", or another backend'
            raise CapabilityNotSupported(needed or "", "local", hint)

    def found(self, context: StepContext) -> None:
        """An environment without packages."""
        host = f"{self.interpreter.prefix}/bin/{os.path.basename(self.interpreter.executable)}"
        venv = context.making.content / _VENV
        self._uv(["venv", "--relocatable", "--no-project", "--python", host, str(venv)], context)

    def make(self, step: ImageStep, context: StepContext) -> None:
        """Install into a copy of the environment below."""
        if not isinstance(step, PythonPackages):
            raise AssertionError(f"{type(step).__name__} was not refused")
        venv = context.making.content / _VENV
        shutil.copytree(context.below[0] / _VENV, venv, symlinks=True, copy_function=os.link)
        requirements = context.making.work / "requirements.txt"
        requirements.write_text(step.requirements or "")
        secrets = context.grants.of(step.secrets)
        step, sources = with_secret_sources(step, secrets)
        words = [COMPILE, *install_options(step, "uv", str(requirements))]
        env = {**dict(step.env), **secrets, **sources, **({"UV_NO_CACHE": "1"} if secrets else {})}
        self._uv(["pip", "install", "--python", str(venv / "bin" / "python"), *words], context, env)

    def ref(self, layers: Sequence[Path]) -> str:
        """A `Rootfs` of the top-most environment."""
        return Rootfs(python=self.interpreter, venv=str(layers[0] / _VENV)).to_json()

    def _uv(self, words: Sequence[str], context: StepContext, extra: Mapping[str, str] | None = None) -> None:
        making = context.making
        env = {**self._env(context.env), **(extra or {})}
        if "UV_NO_CACHE" in env:
            env.pop("UV_CACHE_DIR")
        step = StepRun(argv=(str(self.uv), *words), env=env, workdir=str(making.work))
        run_plain(step, making.work, making.lock, context.output, context.lifeline)

    def _env(self, image: Mapping[str, str]) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
        own = {"UV_CACHE_DIR": str(self.cache), "UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"}
        return {**kept, **read_settings(None).env, **image, **own}
