"""`Image`: what a container's files are made of. Immutable: every method returns a new one (image.immutable)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from intermodal.client.context import in_container
from intermodal.client.dual import dual
from intermodal.definitions.bases import Base, DebianBase, EmptyBase, RegistryBase
from intermodal.definitions.build_options import (
    absolute,
    argv,
    build_secrets,
    build_variables,
    names,
    no_extras,
    packages,
    with_secrets,
)
from intermodal.definitions.composing import Deferred
from intermodal.definitions.contexts import Context
from intermodal.definitions.ignore import Ignore
from intermodal.definitions.options import plain_env
from intermodal.definitions.projects import CondaPackages, PoetryProject, UvProject
from intermodal.definitions.registries import check_python
from intermodal.definitions.secrets import Secret
from intermodal.definitions.spellings import older
from intermodal.definitions.stages import Commands, DockerfileBase, DockerfileLines
from intermodal.definitions.steps import (
    CodeStep,
    Copied,
    Local,
    LocalDirectory,
    LocalFile,
    LocalModule,
    Requirements,
    Shell,
)
from intermodal.exception import InvalidError
from intermodal.specs import ImageStep, SetCmd, SetEntrypoint, SetEnv, SetWorkdir, SystemPackages

if TYPE_CHECKING:
    from intermodal.definitions.app import App

__all__ = ["Image"]

P = ParamSpec("P")
T = TypeVar("T")
Env = Mapping[str, "str | None"]

_MICROMAMBA = "mambaorg/micromamba:2.3.2"
_PRIVATE = {"github.com": "GITHUB_TOKEN", "gitlab.com": "GITLAB_TOKEN"}


class Image:
    """A base and steps. Nothing happens before an app that uses it starts; each step is then built once and cached.

    Begin with `Image.debian_slim()`, `from_registry`, `from_dockerfile`, `micromamba` or `from_scratch`. Options that
    many methods have: `env`, variables for that step only; `secrets`, whose values are in that step's environment and
    nowhere else; `force_build`, build this step and all later ones anew.
    """

    def __init__(
        self,
        base: Base | None = None,
        steps: tuple[ImageStep | Deferred, ...] = (),
        local: tuple[Local, ...] = (),
        force: bool = False,
        parent: Image | None = None,
    ) -> None:
        self._base: Base = base or DebianBase()
        self._steps = steps
        self._local = local
        self._force = force
        self._parent = parent
        self._missing: ImportError | None = None
        self._object_id: str | None = None

    # ---- bases ------------------------------------------------------------------------------------------------------

    @classmethod
    def debian_slim(cls, python_version: str | None = None, force_build: bool = False) -> Image:
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
    ) -> Image:
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
    ) -> Image:
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
    ) -> Image:
        """An image of a registry of Google Cloud, for which `secret` has SERVICE_ACCOUNT_JSON."""
        return cls._registry(tag, secret, "gcp", setup_dockerfile_commands, force_build, add_python)

    @classmethod
    def _registry(
        cls, tag: str, secret: Secret | None, login: Any, setup: Sequence[str], force: bool, add_python: str | None
    ) -> Image:
        if not isinstance(tag, str) or not tag.strip() or any(map(str.isspace, tag)):
            raise InvalidError(f"{tag!r:.80} is no name of an image: write NAME:TAG, as for docker pull")
        build_secrets("from_registry", None if secret is None else [secret])
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
    ) -> Image:
        """An image built from a local Dockerfile, each of whose instructions is a step that is cached for itself.

        Args:
            context_dir: what COPY and ADD take files from; default: the current directory.
            build_args: values for its ARGs.
            ignore: what is left out of the context, as for `add_local_dir`; default: `PATH.dockerignore`, else
                `.dockerignore` of the context.
            add_python: "3.12" or the like, where the base has no Python.
        """
        no_extras("from_dockerfile", other)
        if add_python is not None:
            check_python("from_dockerfile(add_python)", add_python)
        file = absolute(path)
        context = Context(absolute(context_dir or "."), ignore, dockerfile=file)
        arguments = dict(plain_env(build_args or {}))
        base = DockerfileBase(
            file, context, arguments, add_python, build_variables(env), build_secrets("from_dockerfile", secrets)
        )
        return cls(base, force=force_build)

    @classmethod
    def from_scratch(cls, force_build: bool = False) -> Image:
        """An empty image. Backends without an engine refuse it."""
        return cls(EmptyBase(), force=force_build)

    @classmethod
    def micromamba(cls, python_version: str | None = None, force_build: bool = False) -> Image:
        """An image with micromamba and a Python that it installed: `from_registry` of micromamba's own image."""
        version = check_python("micromamba(python_version)", python_version or "3.12")
        install = f"RUN micromamba install -n base -y python={version} pip -c conda-forge"
        lines = DockerfileLines((install, "ENV PATH=/opt/conda/bin:$PATH"), Context(absolute(".")))
        return cls(RegistryBase(_MICROMAMBA, setup=lines), force=force_build)

    # ---- Python packages --------------------------------------------------------------------------------------------

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
    ) -> Image:
        """Install Python packages: requirement specifiers, `git+https://...` included.

        Args:
            find_links, index_url, extra_index_url: `$NAME` in them is the value that one of `secrets` has under NAME:
                `index_url="https://me:$TOKEN@index.example/simple"`.
        """
        wanted = names("pip_install", specifiers)
        no_extras("pip_install", other)
        step = packages("pip", wanted, find_links, index_url, extra_index_url, pre, extra_options, env, force_build)
        return self._step(with_secrets(step, build_secrets("pip_install", secrets))) if wanted else self

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
    ) -> Image:
        """Install Python packages with uv.

        Args:
            requirements: local requirements files to install too.
            uv_version: accepted and not needed: the backend's uv installs.
        """
        wanted = names("uv_pip_install", specifiers)
        no_extras("uv_pip_install", other)
        given = build_secrets("uv_pip_install", secrets)
        files = [requirements] if isinstance(requirements, str) else list(requirements or ())
        step = packages("uv", wanted, find_links, index_url, extra_index_url, pre, extra_options, env, force_build)
        image = self._step(with_secrets(step, given)) if wanted else self
        for file in files:
            image = image._step(Requirements(absolute(file), replace(step, packages=()), secrets=given))
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
    ) -> Image:
        """Install what a local requirements file names."""
        no_extras("pip_install_from_requirements", other)
        step = packages("pip", (), find_links, index_url, extra_index_url, pre, extra_options, env, force_build)
        given = build_secrets("pip_install_from_requirements", secrets)
        return self._step(Requirements(absolute(requirements_txt), step, secrets=given))

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
    ) -> Image:
        """Install the dependencies of a local project, with the named optional groups."""
        no_extras("pip_install_from_pyproject", other)
        step = packages("pip", (), find_links, index_url, extra_index_url, pre, extra_options, env, force_build)
        given = build_secrets("pip_install_from_pyproject", secrets)
        return self._step(Requirements(absolute(pyproject_toml), step, tuple(optional_dependencies), secrets=given))

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
    ) -> Image:
        """Install packages of private repositories of GitHub and GitLab.

        Args:
            repositories: "github.com/OWNER/NAME@REF" or "gitlab.com/...".
            git_user: whose token it is.
            secrets: have GITHUB_TOKEN or GITLAB_TOKEN.
        """
        given = build_secrets("pip_install_private_repos", secrets)
        no_extras("pip_install_private_repos", other)
        if not given:
            raise InvalidError("Image.pip_install_private_repos needs secrets=[...] with GITHUB_TOKEN or GITLAB_TOKEN")
        urls = [_private_url(each, git_user) for each in names("pip_install_private_repos", repositories)]
        step = packages("pip", (), find_links, index_url, extra_index_url, pre, extra_options, env, force_build)
        return self._step(with_secrets(replace(step, requirements="\n".join(urls)), given))

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
    ) -> Image:
        """Install the dependencies of a local uv project as its `uv.lock` has them; the project itself is not.

        Args:
            uv_project_dir: has pyproject.toml, and uv.lock if there is one.
            groups, extras: dependency groups and optional dependencies to install too.
            frozen: take uv.lock as it is; False brings it up to date first, in the image.
            extra_options: more options of `uv export`.
            uv_version: the uv that is put into the image for it; default: the latest.
        """
        no_extras("uv_sync", other)
        project = UvProject(
            directory=absolute(uv_project_dir),
            groups=names("uv_sync", groups or ()),
            extras=names("uv_sync", extras or ()),
            frozen=frozen,
            extra_options=tuple(extra_options.split()),
            uv_version=uv_version,
            env=build_variables(env),
            secrets=build_secrets("uv_sync", secrets),
            force=force_build,
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
    ) -> Image:
        """Install the dependencies of a local Poetry project; the project itself is not.

        Args:
            poetry_lockfile: default: `poetry.lock` beside the project's file.
            ignore_lockfile: do without one.
            with_, without, only: dependency groups.
            poetry_version: what is installed into the image for it; None: the image has Poetry.
        """
        no_extras("poetry_install_from_file", other)
        file = absolute(poetry_pyproject_toml)
        lock = None if ignore_lockfile else absolute(poetry_lockfile or file.with_name("poetry.lock"))
        chosen = {"with": with_, "without": without, "only": only}
        options = [word for name, groups in chosen.items() if groups for word in (f"--{name}", ",".join(groups))]
        project = PoetryProject(
            project=file,
            lock=lock,
            options=tuple(options),
            version=poetry_version,
            old_installer=old_installer,
            env=build_variables(env),
            secrets=build_secrets("poetry_install_from_file", secrets),
            force=force_build,
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
    ) -> Image:
        """Install conda packages into an image that has micromamba.

        Args:
            spec_file: a local file that names packages.
            channels: such as "conda-forge".
        """
        no_extras("micromamba_install", other)
        wanted = names("micromamba_install", specifiers)
        step = CondaPackages(
            packages=wanted,
            channels=names("micromamba_install", channels),
            spec_file=None if spec_file is None else absolute(spec_file),
            env=build_variables(env),
            secrets=build_secrets("micromamba_install", secrets),
            force=force_build,
        )
        return self._step(step) if wanted or spec_file is not None else self

    # ---- commands ---------------------------------------------------------------------------------------------------

    def apt_install(
        self,
        *packages: str | Sequence[str],
        env: Env | None = None,
        secrets: Collection[Secret] | None = None,
        force_build: bool = False,
        **other: Any,
    ) -> Image:
        """Install Debian packages."""
        wanted = names("apt_install", packages)
        no_extras("apt_install", other)
        step = SystemPackages(packages=wanted, env=build_variables(env), force=force_build)
        return self._step(with_secrets(step, build_secrets("apt_install", secrets))) if wanted else self

    def run_commands(
        self,
        *commands: str | Sequence[str],
        env: Env | None = None,
        secrets: Collection[Secret] | None = None,
        force_build: bool = False,
        **other: Any,
    ) -> Image:
        """Run shell commands, one after another; the first that fails ends the build."""
        lines = names("run_commands", commands)
        no_extras("run_commands", other)
        step = Commands(lines, build_variables(env), build_secrets("run_commands", secrets), force_build)
        return self._step(step) if lines else self

    def run_function(
        self,
        raw_f: Callable[..., Any],
        *,
        env: Env | None = None,
        secrets: Collection[Secret] | None = None,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        force_build: bool = False,
        **other: Any,
    ) -> Image:
        """Run a Python function in the image so far and keep what it wrote, a model's weights for instance."""
        no_extras("run_function", other)
        function = getattr(raw_f, "raw", raw_f)
        if not callable(function):
            raise InvalidError(f"Image.run_function({raw_f!r:.60}) takes a function")
        given = build_secrets("run_function", secrets)
        step = CodeStep(function, tuple(args), dict(kwargs or {}), build_variables(env), given, force_build)
        return self._step(step)

    def dockerfile_commands(
        self,
        *dockerfile_commands: str | Sequence[str],
        context_files: Mapping[str, str | Path] | None = None,
        context_dir: str | Path | None = None,
        ignore: Ignore | None = None,
        env: Env | None = None,
        secrets: Collection[Secret] | None = None,
        force_build: bool = False,
        **other: Any,
    ) -> Image:
        """Add Dockerfile lines; a line that ends in a backslash goes on in the next one.

        Args:
            context_files: local files by the path under which COPY names them.
            context_dir, ignore: as for `from_dockerfile`.
        """
        no_extras("dockerfile_commands", other)
        given = names("dockerfile_commands", dockerfile_commands)
        lines = tuple(line for text in given for line in text.splitlines())
        files = {name: absolute(path) for name, path in (context_files or {}).items()}
        context = Context(absolute(context_dir or "."), ignore, files)
        variables, secret = build_variables(env), build_secrets("dockerfile_commands", secrets)
        return self._step(DockerfileLines(lines, context, variables, secret, force_build)) if lines else self

    def shell(self, shell_commands: Sequence[str]) -> Image:
        """What runs later commands, such as `["/bin/bash", "-c"]`; default: `/bin/sh -c`."""
        return self._step(Shell(argv("shell", shell_commands)))

    # ---- how containers start ---------------------------------------------------------------------------------------

    def entrypoint(self, entrypoint_commands: Sequence[str]) -> Image:
        """A program that containers run their own through: it gets that as its last arguments and has to execute it
        (`exec "$@"`). `[]` takes away the base's. Backends that fork their containers refuse it."""
        return self._step(SetEntrypoint(argv=argv("entrypoint", entrypoint_commands)))

    def cmd(self, cmd: Sequence[str]) -> Image:
        """What a sandbox runs that was given no command. Functions and classes never run it."""
        return self._step(SetCmd(argv=argv("cmd", cmd)))

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
        return self._files(LocalFile(absolute(local_path), str(remote_path)), copy)

    def add_local_dir(
        self, local_path: str | Path, remote_path: str, *, copy: bool = False, ignore: Ignore = ()
    ) -> Image:
        """A local directory's content at `remote_path`.

        Args:
            copy: as for `add_local_file`.
            ignore: patterns as in `.dockerignore`, or a function of the relative path (image.context).
        """
        return self._files(LocalDirectory(absolute(local_path), str(remote_path), ignore), copy)

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

    # ---- building ---------------------------------------------------------------------------------------------------

    @dual
    async def build(self, app: App | None = None) -> Image:
        """Build it now: in the run of `app`, in the one that goes on, or else for itself. It returns this image, whose
        `object_id` says what was built. Where it is built already, nothing happens.

        Raises:
            ImageBuildError: a step failed.
            CapabilityNotSupported: the backend cannot build it.
            InvalidError: `app` does not run.
        """
        from intermodal.definitions.eager import start_build

        self._object_id = f"im-{await start_build(self, app)}"
        return self

    @property
    def object_id(self) -> str | None:
        """The id of what `build()` built."""
        return self._object_id

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

    # ---- inside -----------------------------------------------------------------------------------------------------

    @property
    def definition(self) -> tuple[Base, tuple[ImageStep | Deferred, ...], tuple[Local, ...], bool]:
        """Base, steps, mounted local files, whether all is built anew."""
        return self._base, self._steps, self._local, self._force

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
        return f"Image.{self._base.label}() with {len(self._steps)} steps"

    def __reduce__(self) -> tuple[type, tuple[()]]:
        # What pickles an image is code that travels to a container, where definitions of images mean nothing.
        return Image, ()


def _private_url(repository: str, user: str) -> str:
    """A requirement, whose token the installer reads from its environment."""
    token = _PRIVATE.get(repository.partition("/")[0])
    if token is None:
        raise InvalidError(
            f"{repository!r} is not of github.com or gitlab.com: use pip_install(secrets=...) for others"
        )
    return f"git+https://{user}:${{{token}}}@{repository}"
