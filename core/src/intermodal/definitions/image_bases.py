"""What images begin with: the constructors of `Image`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intermodal.client.checking import checked_class
from intermodal.client.shown import shown
from intermodal.definitions.bases import DebianBase, EmptyBase, RegistryBase
from intermodal.definitions.build_options import absolute, names
from intermodal.definitions.contexts import Context
from intermodal.definitions.dockerfiles import DockerfileBase, DockerfileLines
from intermodal.definitions.ignore import Ignore
from intermodal.definitions.image_core import Env, ImageCore
from intermodal.definitions.options import plain_env
from intermodal.definitions.registries import check_python
from intermodal.definitions.secrets import Secret
from intermodal.definitions.step_options import StepOptions
from intermodal.exception import InvalidError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ImageBases"]

_MICROMAMBA = "mambaorg/micromamba:2.3.2"


@checked_class
class ImageBases(ImageCore):
    """Class methods: a new image each."""

    @classmethod
    def debian_slim(cls, python_version: str | None = None, force_build: bool = False) -> Self:
        """A plain Debian with Python.

        Args:
            python_version: "3.12" or the like; default: that of the caller's side.
            force_build: build every step anew.
        """
        if python_version is not None:
            check_python("debian_slim(python_version)", python_version)
        return cls(DebianBase(python_version), force=force_build)

    @classmethod
    def from_registry(
        cls,
        tag: str,
        secret: Secret | None = None,
        *,
        setup_dockerfile_commands: Sequence[str] = (),
        force_build: bool = False,
        add_python: str | None = None,
    ) -> Self:
        """An image of a container registry. Backends without an engine take only those that are their host's userland.

        Args:
            tag: as `docker pull` takes it.
            secret: has REGISTRY_USERNAME and REGISTRY_PASSWORD, for a private one.
            setup_dockerfile_commands: Dockerfile lines to run first.
            add_python: "3.12" or the like, where the image has no Python of its own.
        """
        return cls._registry(tag, secret, "basic", setup_dockerfile_commands, force_build, add_python)

    @classmethod
    def from_aws_ecr(
        cls,
        tag: str,
        secret: Secret | None = None,
        *,
        setup_dockerfile_commands: Sequence[str] = (),
        force_build: bool = False,
        add_python: str | None = None,
    ) -> Self:
        """An image of AWS's registry. `secret` has AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION."""
        return cls._registry(tag, secret, "aws", setup_dockerfile_commands, force_build, add_python)

    @classmethod
    def from_gcp_artifact_registry(
        cls,
        tag: str,
        secret: Secret | None = None,
        *,
        setup_dockerfile_commands: Sequence[str] = (),
        force_build: bool = False,
        add_python: str | None = None,
    ) -> Self:
        """An image of a registry of Google Cloud, for which `secret` has SERVICE_ACCOUNT_JSON."""
        return cls._registry(tag, secret, "gcp", setup_dockerfile_commands, force_build, add_python)

    @classmethod
    def _registry(
        cls, tag: str, secret: Secret | None, login: Any, setup: Sequence[str], force: bool, add_python: str | None
    ) -> Self:
        if not tag or any(map(str.isspace, tag)):
            raise InvalidError(f"{shown(tag)} is no name of an image: write NAME:TAG, as for docker pull")
        if add_python is not None:
            check_python("from_registry(add_python)", add_python)
        lines = DockerfileLines(names("from_registry", setup), Context(absolute("."))) if setup else None
        return cls(RegistryBase(tag, add_python, secret, login, lines), force=force)

    @classmethod
    def from_dockerfile(
        cls,
        path: str | Path,
        *,
        context_dir: str | Path | None = None,
        build_args: Mapping[str, str] | None = None,
        ignore: Ignore | None = None,
        add_python: str | None = None,
        env: Env | None = None,
        secrets: Collection[Secret] | None = None,
        force_build: bool = False,
        **other: Any,
    ) -> Self:
        """An image built from a local Dockerfile, each of whose instructions is a step that is cached for itself.

        Args:
            context_dir: what COPY and ADD take files from; default: the current directory.
            build_args: values for its ARGs.
            ignore: what is left out of the context, as for `add_local_dir`; default: `PATH.dockerignore`, else
                `.dockerignore` of the context.
            add_python: "3.12" or the like, where the base has no Python.
        """
        options = StepOptions.of("from_dockerfile", env, secrets, force_build, other)
        if add_python is not None:
            check_python("from_dockerfile(add_python)", add_python)
        file = absolute(path)
        context = Context(absolute(context_dir or "."), ignore, dockerfile=file)
        arguments = dict(plain_env(build_args or {}))
        return cls(DockerfileBase(file, context, arguments, add_python, options), force=force_build)

    @classmethod
    def from_scratch(cls, force_build: bool = False) -> Self:
        """An empty image. Backends without an engine refuse it."""
        return cls(EmptyBase(), force=force_build)

    @classmethod
    def micromamba(cls, python_version: str | None = None, force_build: bool = False) -> Self:
        """An image with micromamba and a Python that it installed: `from_registry` of micromamba's own image."""
        version = check_python("micromamba(python_version)", python_version or "3.12")
        install = f"RUN micromamba install -n base -y python={version} pip -c conda-forge"
        lines = DockerfileLines((install, "ENV PATH=/opt/conda/bin:$PATH"), Context(absolute(".")))
        return cls(RegistryBase(_MICROMAMBA, setup=lines), force=force_build)
