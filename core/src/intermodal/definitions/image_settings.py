"""Methods of `Image` that set how its containers start, and their environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from intermodal.client.checking import checked_class
from intermodal.client.shown import shown
from intermodal.definitions.image_core import ImageCore
from intermodal.definitions.options import plain_env
from intermodal.exception import InvalidError
from intermodal.specs import SetCmd, SetEntrypoint, SetEnv, SetWorkdir

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["ImageSettings"]


@checked_class
class ImageSettings(ImageCore):
    """No method makes a layer."""

    def entrypoint(self, entrypoint_commands: Sequence[str]) -> Self:
        """A program that containers run their own through: it gets that as its last arguments and has to execute it
        (`exec "$@"`). `[]` takes away the base's. Backends that fork their containers refuse it."""
        return self._step(SetEntrypoint(argv=tuple(entrypoint_commands)))

    def cmd(self, cmd: Sequence[str]) -> Self:
        """What a sandbox runs that was given no command. Functions and classes never run it."""
        return self._step(SetCmd(argv=tuple(cmd)))

    def env(self, vars: Mapping[str, str]) -> Self:
        """Environment variables for later steps and for containers."""
        return self._with(SetEnv(variables=plain_env(vars)))

    def workdir(self, path: str | PurePosixPath) -> Self:
        """The working directory of later steps and of containers; default `/root` (image.defaults)."""
        if not PurePosixPath(path).is_absolute():
            raise InvalidError(f"Image.workdir({shown(str(path))}) must be an absolute path")
        return self._with(SetWorkdir(path=str(path)))
