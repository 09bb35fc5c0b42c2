"""What reading a Dockerfile knows on its way: variables, the working directory, where files and stages come from."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping

from intermodal.definitions import dockerfile
from intermodal.definitions.composing import Composing
from intermodal.definitions.contexts import Context
from intermodal.definitions.dockerfile import Instruction
from intermodal.definitions.step_options import StepOptions
from intermodal.specs import ImageSpec

__all__ = ["Reading"]

#: What programs are found by where nothing sets it: `ENV PATH=/opt/bin:$PATH` counts on it.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Reading:
    """How far a Dockerfile was read, and what its words mean there.

    Args:
        making: the image so far.
        context: what COPY and ADD take local files from.
        args: values for ARGs.
        options: of every step.
        source: the image that `--from=` names. Raises what the user should see.
        declared: the ARGs so far.
    """

    def __init__(
        self,
        making: Composing,
        context: Context,
        args: Mapping[str, str],
        options: StepOptions,
        source: Callable[[str, Instruction], ImageSpec],
        declared: dict[str, str] | None = None,
    ) -> None:
        self.declared: dict[str, str] = {} if declared is None else declared
        self.making, self.context, self.options, self.source = making, context, options, source
        self.args = args

    def words(self, instruction: Instruction, text: str | None = None) -> list[str]:
        """Of the instruction or of `text` in it, variables replaced."""
        return dockerfile.words(instruction.rest if text is None else text, self.value, instruction)

    def word(self, instruction: Instruction, text: str) -> str:
        """`text` as one word, variables replaced."""
        return " ".join(self.words(instruction, text))

    def value(self, name: str) -> str | None:
        """Of a variable."""
        found = self.making.env.get(name, self.declared.get(name))
        return _PATH if found is None and name == "PATH" else found

    def place(self, path: str) -> str:
        """A path in the image, as seen from its working directory."""
        return posixpath.normpath(posixpath.join(self.making.workdir, path))
