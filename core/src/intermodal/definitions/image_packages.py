"""Methods of `Image` that install Python packages."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intermodal.client.checking import checked_class
from intermodal.definitions.build_options import absolute, names, packages
from intermodal.definitions.image_core import Env, ImageCore
from intermodal.definitions.secrets import Secret
from intermodal.definitions.step_options import StepOptions
from intermodal.definitions.steps import Optioned, Requirements
from intermodal.exception import InvalidError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ImagePackages"]

_PRIVATE = {"github.com": "GITHUB_TOKEN", "gitlab.com": "GITLAB_TOKEN"}


@checked_class
class ImagePackages(ImageCore):
    """Each method adds a step."""

    def pip_install(
        self,
        *specifiers: str | Sequence[str],
        find_links: str | None = None,
        index_url: str | None = None,
        extra_index_url: str | Sequence[str] | None = None,
        pre: bool = False,
        extra_options: str = "",
        env: Env | None = None,
        secrets: Collection[Secret] | None = None,
        force_build: bool = False,
        **other: Any,
    ) -> Self:
        """Install Python packages: requirement specifiers, `git+https://...` included.

        Args:
            find_links, index_url, extra_index_url: `$NAME` in them is the value that one of `secrets` has under NAME:
                `index_url="https://me:$TOKEN@index.example/simple"`.
        """
        wanted = names("pip_install", specifiers)
        options = StepOptions.of("pip_install", env, secrets, force_build, other)
        step = packages("pip", wanted, find_links, index_url, extra_index_url, pre, extra_options)
        return self._step(Optioned(step, options)) if wanted else self

    def uv_pip_install(
        self,
        *specifiers: str | Sequence[str],
        requirements: Sequence[str] | None = None,
        find_links: str | None = None,
        index_url: str | None = None,
        extra_index_url: str | Sequence[str] | None = None,
        pre: bool = False,
        extra_options: str = "",
        env: Env | None = None,
        secrets: Collection[Secret] | None = None,
        force_build: bool = False,
        uv_version: str | None = None,
        **other: Any,
    ) -> Self:
        """Install Python packages with uv.

        Args:
            requirements: local requirements files to install too.
            uv_version: accepted and not needed: the backend's uv installs.
        """
        wanted = names("uv_pip_install", specifiers)
        options = StepOptions.of("uv_pip_install", env, secrets, force_build, other)
        files = [requirements] if isinstance(requirements, str) else list(requirements or ())
        step = packages("uv", wanted, find_links, index_url, extra_index_url, pre, extra_options)
        image = self._step(Optioned(step, options)) if wanted else self
        for file in files:
            image = image._step(Requirements(absolute(file), replace(step, packages=()), options))
        return image

    def pip_install_from_requirements(
        self,
        requirements_txt: str | Path,
        find_links: str | None = None,
        *,
        index_url: str | None = None,
        extra_index_url: str | Sequence[str] | None = None,
        pre: bool = False,
        extra_options: str = "",
        env: Env | None = None,
        secrets: Collection[Secret] | None = None,
        force_build: bool = False,
        **other: Any,
    ) -> Self:
        """Install what a local requirements file names."""
        options = StepOptions.of("pip_install_from_requirements", env, secrets, force_build, other)
        step = packages("pip", (), find_links, index_url, extra_index_url, pre, extra_options)
        return self._step(Requirements(absolute(requirements_txt), step, options))

    def pip_install_from_pyproject(
        self,
        pyproject_toml: str | Path,
        optional_dependencies: Sequence[str] = (),
        *,
        find_links: str | None = None,
        index_url: str | None = None,
        extra_index_url: str | Sequence[str] | None = None,
        pre: bool = False,
        extra_options: str = "",
        env: Env | None = None,
        secrets: Collection[Secret] | None = None,
        force_build: bool = False,
        **other: Any,
    ) -> Self:
        """Install the dependencies of a local project, with the named optional groups."""
        options = StepOptions.of("pip_install_from_pyproject", env, secrets, force_build, other)
        step = packages("pip", (), find_links, index_url, extra_index_url, pre, extra_options)
        return self._step(Requirements(absolute(pyproject_toml), step, options, tuple(optional_dependencies)))

    def pip_install_private_repos(
        self,
        *repositories: str,
        git_user: str,
        find_links: str | None = None,
        index_url: str | None = None,
        extra_index_url: str | Sequence[str] | None = None,
        pre: bool = False,
        extra_options: str = "",
        env: Env | None = None,
        secrets: Collection[Secret] | None = None,
        force_build: bool = False,
        **other: Any,
    ) -> Self:
        """Install packages of private repositories of GitHub and GitLab.

        Args:
            repositories: "github.com/OWNER/NAME@REF" or "gitlab.com/...".
            git_user: whose token it is.
            secrets: have GITHUB_TOKEN or GITLAB_TOKEN.
        """
        options = StepOptions.of("pip_install_private_repos", env, secrets, force_build, other)
        if not options.secrets:
            raise InvalidError("Image.pip_install_private_repos needs secrets=[...] with GITHUB_TOKEN or GITLAB_TOKEN")
        urls = [_private_url(each, git_user) for each in names("pip_install_private_repos", repositories)]
        step = packages("pip", (), find_links, index_url, extra_index_url, pre, extra_options)
        return self._step(Optioned(replace(step, requirements="\n".join(urls)), options))


def _private_url(repository: str, user: str) -> str:
    """A requirement, whose token the installer reads from its environment."""
    token = _PRIVATE.get(repository.partition("/")[0])
    if token is None:
        raise InvalidError(
            f"{repository!r} is not of github.com or gitlab.com: use pip_install(secrets=...) for others"
        )
    return f"git+https://{user}:${{{token}}}@{repository}"
