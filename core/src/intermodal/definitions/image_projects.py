"""Methods of `Image` that install what a local project is locked to, and conda packages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intermodal.client.checking import checked_class
from intermodal.definitions.build_options import absolute, names
from intermodal.definitions.image_core import Env, ImageCore
from intermodal.definitions.projects import CondaPackages, PoetryProject, UvProject
from intermodal.definitions.secrets import Secret
from intermodal.definitions.step_options import StepOptions

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ImageProjects"]


@checked_class
class ImageProjects(ImageCore):
    """Each method adds a step."""

    def uv_sync(
        self,
        uv_project_dir: str | Path = "./",
        *,
        force_build: bool = False,
        groups: Sequence[str] | None = None,
        extras: Sequence[str] | None = None,
        frozen: bool = True,
        extra_options: str = "",
        uv_version: str | None = None,
        env: Env | None = None,
        secrets: Collection[Secret] | None = None,
        **other: Any,
    ) -> Self:
        """Install the dependencies of a local uv project as its `uv.lock` has them; the project itself is not.

        Args:
            uv_project_dir: has pyproject.toml, and uv.lock if there is one.
            groups, extras: dependency groups and optional dependencies to install too.
            frozen: take uv.lock as it is; False brings it up to date first, in the image.
            extra_options: more options of `uv export`.
            uv_version: the uv that is put into the image for it; default: the latest.
        """
        project = UvProject(
            directory=absolute(uv_project_dir),
            groups=names("uv_sync", groups or ()),
            extras=names("uv_sync", extras or ()),
            frozen=frozen,
            export_options=tuple(extra_options.split()),
            uv_version=uv_version,
            options=StepOptions.of("uv_sync", env, secrets, force_build, other),
        )
        return self._step(project)

    def poetry_install_from_file(
        self,
        poetry_pyproject_toml: str | Path,
        poetry_lockfile: str | Path | None = None,
        *,
        ignore_lockfile: bool = False,
        force_build: bool = False,
        with_: Sequence[str] = (),
        without: Sequence[str] = (),
        only: Sequence[str] = (),
        poetry_version: str | None = "latest",
        old_installer: bool = False,
        env: Env | None = None,
        secrets: Collection[Secret] | None = None,
        **other: Any,
    ) -> Self:
        """Install the dependencies of a local Poetry project; the project itself is not.

        Args:
            poetry_lockfile: default: `poetry.lock` beside the project's file.
            ignore_lockfile: do without one.
            with_, without, only: dependency groups.
            poetry_version: what is installed into the image for it; None: the image has Poetry.
        """
        file = absolute(poetry_pyproject_toml)
        lock = None if ignore_lockfile else absolute(poetry_lockfile or file.with_name("poetry.lock"))
        named = {"--with": with_, "--without": without, "--only": only}
        chosen = [word for option, groups in named.items() if groups for word in (option, ",".join(groups))]
        project = PoetryProject(
            project=file,
            lock=lock,
            groups=tuple(chosen),
            version=poetry_version,
            old_installer=old_installer,
            options=StepOptions.of("poetry_install_from_file", env, secrets, force_build, other),
        )
        return self._step(project)

    def micromamba_install(
        self,
        *specifiers: str | Sequence[str],
        spec_file: str | Path | None = None,
        channels: Sequence[str] = (),
        force_build: bool = False,
        env: Env | None = None,
        secrets: Collection[Secret] | None = None,
        **other: Any,
    ) -> Self:
        """Install conda packages into an image that has micromamba.

        Args:
            spec_file: a local file that names packages.
            channels: such as "conda-forge".
        """
        wanted = names("micromamba_install", specifiers)
        step = CondaPackages(
            packages=wanted,
            channels=names("micromamba_install", channels),
            spec_file=None if spec_file is None else absolute(spec_file),
            options=StepOptions.of("micromamba_install", env, secrets, force_build, other),
        )
        return self._step(step) if wanted or spec_file is not None else self
