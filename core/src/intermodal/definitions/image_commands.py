"""Methods of `Image` that run something in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from intermodal.client.checking import checked_class
from intermodal.definitions.build_options import absolute, names
from intermodal.definitions.contexts import Context
from intermodal.definitions.dockerfiles import DockerfileLines
from intermodal.definitions.ignore import Ignore
from intermodal.definitions.image_core import Env, ImageCore
from intermodal.definitions.secrets import Secret
from intermodal.definitions.step_options import StepOptions
from intermodal.definitions.steps import CodeStep, Commands, Optioned, Shell
from intermodal.exception import InvalidError
from intermodal.specs import SystemPackages

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ImageCommands"]


@checked_class
class ImageCommands(ImageCore):
    """Each method adds a step."""

    def apt_install(
        self,
        *packages: str | Sequence[str],
        env: Env | None = None,
        secrets: Collection[Secret] | None = None,
        force_build: bool = False,
        **other: Any,
    ) -> Self:
        """Install Debian packages."""
        wanted = names("apt_install", packages)
        options = StepOptions.of("apt_install", env, secrets, force_build, other)
        return self._step(Optioned(SystemPackages(packages=wanted), options)) if wanted else self

    def run_commands(
        self,
        *commands: str | Sequence[str],
        env: Env | None = None,
        secrets: Collection[Secret] | None = None,
        force_build: bool = False,
        **other: Any,
    ) -> Self:
        """Run shell commands, one after another; the first that fails ends the build."""
        lines = names("run_commands", commands)
        options = StepOptions.of("run_commands", env, secrets, force_build, other)
        return self._step(Commands(lines, options)) if lines else self

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
    ) -> Self:
        """Run a Python function in the image so far and keep what it wrote, a model's weights for instance."""
        options = StepOptions.of("run_function", env, secrets, force_build, other)
        function = getattr(raw_f, "raw", raw_f)
        if not callable(function):
            raise InvalidError(f"Image.run_function({raw_f!r:.60}) takes a function")
        return self._step(CodeStep(function, tuple(args), dict(kwargs or {}), options))

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
    ) -> Self:
        """Add Dockerfile lines; a line that ends in a backslash goes on in the next one.

        Args:
            context_files: local files by the path under which COPY names them.
            context_dir, ignore: as for `from_dockerfile`.
        """
        options = StepOptions.of("dockerfile_commands", env, secrets, force_build, other)
        given = names("dockerfile_commands", dockerfile_commands)
        lines = tuple(line for text in given for line in text.splitlines())
        files = {name: absolute(path) for name, path in (context_files or {}).items()}
        context = Context(absolute(context_dir or "."), ignore, files)
        return self._step(DockerfileLines(lines, context, options)) if lines else self

    def shell(self, shell_commands: Sequence[str]) -> Self:
        """What runs later commands, such as `["/bin/bash", "-c"]`; default: `/bin/sh -c`."""
        return self._step(Shell(tuple(shell_commands)))
