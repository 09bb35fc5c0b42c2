"""`Image`: what a container's files are made of. Immutable: every method returns a new one (image.immutable)."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, Concatenate, ParamSpec, TypeVar

from intermodal.client.context import in_container
from intermodal.definitions.ignore import Ignore
from intermodal.definitions.options import plain_env
from intermodal.definitions.spellings import older
from intermodal.definitions.steps import (
    CodeStep,
    Copied,
    Deferred,
    Local,
    LocalDirectory,
    LocalFile,
    LocalModule,
    Refused,
    Requirements,
)
from intermodal.exception import CapabilityNotSupported, InvalidError
from intermodal.specs import ImageStep, PythonPackages, RunCommands, SetEnv, SetWorkdir, SystemPackages

__all__ = ["Image"]

P = ParamSpec("P")
T = TypeVar("T")

_PYTHON = re.compile(r"3\.\d{1,2}(\.\d{1,2})?")
_NOT_YET = "this version builds debian_slim images only; see Image.debian_slim()"


class Image:
    """A base and steps. Nothing happens before an app that uses it starts; each step is then built once and cached.

    Begin with `Image.debian_slim()`.
    """

    def __init__(
        self,
        base: str | Refused | None = None,
        steps: tuple[ImageStep | Deferred, ...] = (),
        local: tuple[Local, ...] = (),
        force: bool = False,
        parent: Image | None = None,
    ) -> None:
        self._base = base
        self._steps = steps
        self._local = local
        self._force = force
        self._parent = parent
        self._missing: ImportError | None = None

    # ---- bases ------------------------------------------------------------------------------------------------------

    @classmethod
    def debian_slim(cls, python_version: str | None = None, force_build: bool = False) -> Image:
        """A plain Debian with Python.

        Args:
            python_version: "3.12" or the like; default: that of the caller's side.
            force_build: build every step anew.
        """
        if python_version is not None and (
            not isinstance(python_version, str) or not _PYTHON.fullmatch(python_version)
        ):
            raise InvalidError(f'debian_slim(python_version={python_version!r}) must be a string such as "3.12"')
        return cls(python_version, force=force_build)

    @classmethod
    def from_registry(cls, tag: str, *args: Any, **options: Any) -> Image:
        """An image of a container registry. Refused when an app that uses it starts: this version cannot."""
        return cls(Refused("from_registry", _NOT_YET))

    @classmethod
    def from_dockerfile(cls, path: str | Path, **options: Any) -> Image:
        """An image built from a Dockerfile. Refused when an app that uses it starts: this version cannot."""
        return cls(Refused("from_dockerfile", _NOT_YET))

    @classmethod
    def from_aws_ecr(cls, tag: str, *args: Any, **options: Any) -> Image:
        """An image of a private registry. Refused when an app that uses it starts: this version cannot."""
        return cls(Refused("from_aws_ecr", _NOT_YET))

    @classmethod
    def from_gcp_artifact_registry(cls, tag: str, *args: Any, **options: Any) -> Image:
        """An image of a private registry. Refused when an app that uses it starts: this version cannot."""
        return cls(Refused("from_gcp_artifact_registry", _NOT_YET))

    @classmethod
    def from_scratch(cls, force_build: bool = False) -> Image:
        """An empty image. Refused when an app that uses it starts: this version cannot."""
        return cls(Refused("from_scratch", _NOT_YET))

    @classmethod
    def micromamba(cls, python_version: str | None = None, force_build: bool = False) -> Image:
        """A conda base. Refused when an app that uses it starts: this version cannot."""
        return cls(Refused("micromamba", _NOT_YET))

    # ---- Python packages --------------------------------------------------------------------------------------------

    def pip_install(
        self,
        *packages: str | Sequence[str],
        find_links: str | None = None,
        index_url: str | None = None,
        extra_index_url: str | Sequence[str] | None = None,
        pre: bool = False,
        extra_options: str = "",
        force_build: bool = False,
        **other: Any,
    ) -> Image:
        """Install Python packages: requirement specifiers, `git+https://...` included."""
        names = _names("pip_install", packages)
        _no_build_extras("pip_install", other)
        step = _packages("pip", names, find_links, index_url, extra_index_url, pre, extra_options, force_build)
        return self._step(step) if names else self

    def uv_pip_install(
        self,
        *packages: str | Sequence[str],
        requirements: Sequence[str] | None = None,
        find_links: str | None = None,
        index_url: str | None = None,
        extra_index_url: str | Sequence[str] | None = None,
        pre: bool = False,
        extra_options: str = "",
        force_build: bool = False,
        uv_version: str | None = None,
        **other: Any,
    ) -> Image:
        """Install Python packages with uv.

        Args:
            requirements: local requirements files to install too.
            uv_version: accepted and not needed: the backend's uv installs.
        """
        names = _names("uv_pip_install", packages)
        _no_build_extras("uv_pip_install", other)
        files = [requirements] if isinstance(requirements, str) else list(requirements or ())
        step = _packages("uv", names, find_links, index_url, extra_index_url, pre, extra_options, force_build)
        image = self._step(step) if names else self
        bare = _packages("uv", (), find_links, index_url, extra_index_url, pre, extra_options, force_build)
        for file in files:
            image = image._step(Requirements(_local(file), bare))
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
        force_build: bool = False,
        **other: Any,
    ) -> Image:
        """Install what a local requirements file names."""
        _no_build_extras("pip_install_from_requirements", other)
        step = _packages("pip", (), find_links, index_url, extra_index_url, pre, extra_options, force_build)
        return self._step(Requirements(_local(requirements_txt), step))

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
        force_build: bool = False,
        **other: Any,
    ) -> Image:
        """Install the dependencies of a local project, with the named optional groups."""
        _no_build_extras("pip_install_from_pyproject", other)
        step = _packages("pip", (), find_links, index_url, extra_index_url, pre, extra_options, force_build)
        return self._step(Requirements(_local(pyproject_toml), step, tuple(optional_dependencies)))

    # ---- commands ---------------------------------------------------------------------------------------------------

    def apt_install(self, *packages: str | Sequence[str], force_build: bool = False, **other: Any) -> Image:
        """Install Debian packages."""
        names = _names("apt_install", packages)
        _no_build_extras("apt_install", other)
        return self._step(SystemPackages(packages=names, force=force_build)) if names else self

    def run_commands(
        self,
        *commands: str | Sequence[str],
        env: Mapping[str, str | None] | None = None,
        force_build: bool = False,
        **other: Any,
    ) -> Image:
        """Run shell commands, one after another. `env` is for them only."""
        lines = _names("run_commands", commands)
        _no_build_extras("run_commands", other)
        step = RunCommands(commands=lines, env=plain_env(env or {}), force=force_build)
        return self._step(step) if lines else self

    def run_function(
        self,
        raw_f: Callable[..., Any],
        *,
        env: Mapping[str, str | None] | None = None,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        force_build: bool = False,
        **other: Any,
    ) -> Image:
        """Run a Python function in the image so far and keep what it wrote, a model's weights for instance."""
        _no_build_extras("run_function", other)
        function = getattr(raw_f, "raw", raw_f)
        if not callable(function):
            raise InvalidError(f"Image.run_function({raw_f!r:.60}) takes a function")
        return self._step(CodeStep(function, tuple(args), dict(kwargs or {}), plain_env(env or {}), force_build))

    # ---- environment ------------------------------------------------------------------------------------------------

    def env(self, vars: Mapping[str, str]) -> Image:
        """Environment variables for later steps and for containers."""
        return self._with(SetEnv(variables=plain_env(vars)))

    def workdir(self, path: str | PurePosixPath) -> Image:
        """The working directory of later steps and of containers; default `/root` (image.defaults)."""
        if not PurePosixPath(path).is_absolute():
            raise InvalidError(f"Image.workdir({str(path)!r}) must be an absolute path")
        return self._with(SetWorkdir(path=str(path)))

    # ---- local files ------------------------------------------------------------------------------------------------

    def add_local_file(self, local_path: str | Path, remote_path: str, *, copy: bool = False) -> Image:
        """A local file at `remote_path` (below it, where that ends in `/`).

        Args:
            copy: True copies it into the image, for later steps to use; False shows it in containers as it is when the
                app starts, without a rebuild (image.context).
        """
        return self._files(LocalFile(_local(local_path), str(remote_path)), copy)

    def add_local_dir(
        self, local_path: str | Path, remote_path: str, *, copy: bool = False, ignore: Ignore = ()
    ) -> Image:
        """A local directory's content at `remote_path`.

        Args:
            copy: as for `add_local_file`.
            ignore: patterns as in `.dockerignore`, or a function of the relative path (image.context).
        """
        return self._files(LocalDirectory(_local(local_path), str(remote_path), ignore), copy)

    def add_local_python_source(self, *modules: str, copy: bool = False, ignore: Ignore | None = None) -> Image:
        """Modules and packages that are importable here, importable in containers. Packages bring their `.py` files.

        Args:
            copy: as for `add_local_file`.
            ignore: what to leave out of packages, in place of everything that is not `.py`.
        """
        image = self
        for name in modules:
            if not isinstance(name, str) or not all(part.isidentifier() for part in name.split(".")):
                raise InvalidError(
                    f"add_local_python_source({name!r:.60}) takes names of modules, as import statements have"
                )
            image = image._files(LocalModule(name, ignore), copy)
        return image

    def copy_local_dir(self, local_path: str | Path, remote_path: str = ".", ignore: Ignore = ()) -> Image:
        """Older spelling of `add_local_dir(copy=True)`."""
        older("Image.copy_local_dir()", "Image.add_local_dir(..., copy=True)")
        return self.add_local_dir(local_path, remote_path, copy=True, ignore=ignore)

    def copy_local_file(self, local_path: str | Path, remote_path: str = "./") -> Image:
        """Older spelling of `add_local_file(copy=True)`."""
        older("Image.copy_local_file()", "Image.add_local_file(..., copy=True)")
        target = "./" if remote_path == "." else str(remote_path)
        return self.add_local_file(local_path, target, copy=True)

    # ---- composing --------------------------------------------------------------------------------------------------

    def pipe(self, func: Callable[Concatenate[Image, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """`func(self, *args, **kwargs)`: chains of methods under a name of their own."""
        return func(self, *args, **kwargs)

    @contextmanager
    def imports(self) -> Iterator[None]:
        """Imports that only containers of this image can do: `with image.imports(): import torch`.

        Here an `ImportError` is passed over; in a container of this image it fails the container.
        """
        try:
            yield
        except ImportError as error:
            if in_container():
                self._missing = error

    def missing_import(self) -> ImportError | None:
        """What `imports()` of this image, or of one that it is made from, could not import in this container."""
        image: Image | None = self
        while image is not None:
            if image._missing is not None:
                return image._missing
            image = image._parent
        return None

    # ---- not in this version ----------------------------------------------------------------------------------------

    def dockerfile_commands(self, *commands: Any, **options: Any) -> Image:
        """Dockerfile lines. Refused when an app that uses it starts: this version cannot."""
        return self._step(Refused("dockerfile_commands", "use run_commands, env, workdir and add_local_*(copy=True)"))

    def uv_sync(self, uv_project_dir: str = "./", **options: Any) -> Image:
        """A project's locked environment. Refused when an app that uses it starts: this version cannot."""
        return self._step(Refused("uv_sync", "use pip_install_from_pyproject, or uv_pip_install(requirements=[...])"))

    def poetry_install_from_file(self, poetry_pyproject_toml: str, *args: Any, **options: Any) -> Image:
        """A Poetry project. Refused when an app that uses it starts: this version cannot."""
        return self._step(Refused("poetry_install_from_file", "export a requirements file for uv_pip_install"))

    def micromamba_install(self, *packages: Any, **options: Any) -> Image:
        """Conda packages. Refused when an app that uses it starts: this version cannot."""
        return self._step(Refused("micromamba_install", "use apt_install and pip_install"))

    def pip_install_private_repos(self, *repositories: str, **options: Any) -> Image:
        """Packages of private repositories. Refused when an app that uses it starts: this version cannot."""
        return self._step(Refused("pip_install_private_repos", "clone them here and use add_local_python_source"))

    def entrypoint(self, entrypoint_commands: Sequence[str]) -> Image:
        """A command that wraps containers. Refused when an app that uses it starts: this version cannot."""
        return self._step(Refused("entrypoint", "do what it does in an @intermodal.enter() method"))

    def cmd(self, cmd: Sequence[str]) -> Image:
        """The default command. Refused when an app that uses it starts: this version cannot."""
        return self._step(Refused("cmd", "functions are what containers run here"))

    def shell(self, shell_commands: Sequence[str]) -> Image:
        """The shell of later commands. Refused when an app that uses it starts: this version cannot."""
        return self._step(Refused("shell", 'name the shell in the command: run_commands("bash -c ...")'))

    # ---- inside -----------------------------------------------------------------------------------------------------

    @property
    def definition(self) -> tuple[str | Refused, tuple[ImageStep | Deferred, ...], tuple[Local, ...], bool]:
        """Base (a Python version, or what is refused), steps, mounted local files, whether all is built anew."""
        here = f"{sys.version_info.major}.{sys.version_info.minor}"
        return self._base or here, self._steps, self._local, self._force

    def functions(self) -> list[Callable[..., Any]]:
        """What its build runs."""
        return [step.function for step in self._steps if isinstance(step, CodeStep)]

    def _with(self, step: ImageStep | Deferred) -> Image:
        return Image(self._base, (*self._steps, step), self._local, self._force, self)

    def _step(self, step: ImageStep | Deferred) -> Image:
        if self._local:
            raise InvalidError(
                "a build step comes after add_local_* without copy=True, whose files are in containers only, not in "
                "the build: put the add_local_* calls last, or give them copy=True"
            )
        return self._with(step)

    def _files(self, local: Local, copy: bool) -> Image:
        if copy:
            return self._step(Copied(local))
        return Image(self._base, self._steps, (*self._local, local), self._force, self)

    def __repr__(self) -> str:
        base = f"debian_slim({self._base!r})" if not isinstance(self._base, Refused) else f"{self._base.method}()"
        return f"Image.{base} with {len(self._steps)} steps"

    def __reduce__(self) -> tuple[type, tuple[()]]:
        # What pickles an image is code that travels to a container, where definitions of images mean nothing.
        return Image, ()


def _packages(
    tool: str,
    packages: tuple[str, ...],
    find_links: str | None,
    index_url: str | None,
    extra_index_url: str | Sequence[str] | None,
    pre: bool,
    extra_options: str,
    force: bool,
) -> PythonPackages:
    extra = (extra_index_url,) if isinstance(extra_index_url, str) else tuple(extra_index_url or ())
    return PythonPackages(
        packages=packages,
        index_url=index_url,
        extra_index_urls=extra,
        find_links=find_links,
        pre=pre,
        extra_options=tuple(extra_options.split()),
        tool=tool,
        force=force,
    )


def _names(method: str, given: Sequence[Any]) -> tuple[str, ...]:
    names: list[str] = []
    for each in given:
        names += [each] if isinstance(each, str) else each
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise InvalidError(f"Image.{method} takes strings or lists of strings, got {name!r:.60}")
    return tuple(names)


#: What Modal's build methods take beyond ours.
_BUILD_EXTRAS = frozenset(
    (
        "env",
        "secrets",
        "gpu",
        "volumes",
        "network_file_systems",
        "cpu",
        "memory",
        "timeout",
        "cloud",
        "region",
        "include_source",
    )
)


def _no_build_extras(method: str, other: Mapping[str, Any]) -> None:
    for name, value in other.items():
        if name not in _BUILD_EXTRAS:
            raise InvalidError(f"Image.{method} has no option {name!r}")
        if value:
            hint = "use Image.env({...}) before it" if name == "env" else "this version builds without it: remove it"
            raise CapabilityNotSupported(f"image.{method}.{name}", hint=f"Image.{method}({name}=...): {hint}")


def _local(path: str | Path) -> Path:
    return Path(path).expanduser().absolute()
