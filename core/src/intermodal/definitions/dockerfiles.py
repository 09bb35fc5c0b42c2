"""Whole Dockerfiles, and single instructions, as parts of an image definition (image.dockerfile)."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from intermodal.definitions import dockerfile
from intermodal.definitions.composing import Composing
from intermodal.definitions.contexts import Context
from intermodal.definitions.dockerfile import Instruction
from intermodal.definitions.instructions import read_instructions
from intermodal.definitions.reading import Reading
from intermodal.definitions.registries import registry
from intermodal.definitions.stages import Stage, find_stage, read_stages, stage_chain
from intermodal.definitions.step_options import StepOptions
from intermodal.exception import InvalidError, NotFoundError
from intermodal.specs import ImageSpec, ImageStep, Scratch, SetUser, SetWorkdir

__all__ = ["DockerfileBase", "DockerfileLines"]


def _image(word: str, _: Instruction) -> ImageSpec:
    """What `--from=` means where it names no stage."""
    return ImageSpec(base=registry(word, None))


@dataclass(frozen=True)
class DockerfileLines:
    """Instructions that are added to an image: all but FROM."""

    lines: tuple[str, ...]
    context: Context
    options: StepOptions = field(default_factory=StepOptions)

    def lower(self, making: Composing) -> Iterator[ImageStep]:
        """Raises what instructions raise."""
        making.force = making.force or self.options.force
        instructions = dockerfile.parse(self.lines, "dockerfile_commands")
        yield from read_instructions(Reading(making, self.context, {}, self.options, _image), instructions)


@dataclass(frozen=True)
class DockerfileBase:
    """A whole Dockerfile, as the beginning of an image."""

    path: Path
    context: Context
    build_args: Mapping[str, str]
    add_python: str | None = None
    options: StepOptions = field(default_factory=StepOptions)

    label = "from_dockerfile"

    def lower(self, making: Composing) -> Iterator[ImageStep]:
        """The last stage's steps; other stages are parts of those that copy from them.

        Raises `NotFoundError`: no such file; and what instructions raise.
        """
        try:
            lines = self.path.read_text().splitlines()
        except OSError as error:
            raise NotFoundError(f"the Dockerfile {self.path} cannot be read: {error.strerror}") from None
        given, stages = read_stages(dockerfile.parse(lines, self.path.name), self.build_args)
        if not stages:
            raise InvalidError(f"{self.path} has no FROM")
        file = _File(self, given, stages)
        yield from file.steps(making, stages[-1], self.add_python)
        if not file.has_workdir(stages[-1]):
            yield SetWorkdir(path="/root")
        unknown = [name for name in self.build_args if name not in file.declared and name not in given]
        if unknown:
            warnings.warn(f"{self.path.name} has no ARG {', '.join(unknown)}: build_args= has", stacklevel=2)


class _File:
    """One reading of a Dockerfile. Stages that others copy from are read once, when they are first needed."""

    def __init__(self, base: DockerfileBase, given: Mapping[str, str], stages: Sequence[Stage]) -> None:
        self.declared: set[str] = set()
        self._base, self._args, self._stages = base, {**given, **base.build_args}, stages
        self._images: dict[int, ImageSpec] = {}

    def steps(self, making: Composing, stage: Stage, add_python: str | None = None) -> Iterator[ImageStep]:
        """Those of `stage`, and of the stages that it begins with."""
        chain = stage_chain(self._stages, stage)
        name = chain[0].base
        making.base = Scratch() if name.lower() == "scratch" else registry(name, add_python)
        # Docker's own default, which relative paths in Dockerfiles count on; functions have another (image.defaults).
        yield SetWorkdir(path="/")
        declared: dict[str, str] = {}
        for each in chain:
            source = functools.partial(self._source, making, each.number)
            reading = Reading(making, self._base.context, self._args, self._base.options, source, declared)
            yield from read_instructions(reading, each.instructions)
        self.declared |= set(declared)
        if making.user:
            yield SetUser(user="")

    def has_workdir(self, stage: Stage) -> bool:
        """Whether an instruction of it sets the working directory."""
        chain = stage_chain(self._stages, stage)
        return any(each.keyword == "WORKDIR" for part in chain for each in part.instructions)

    def _source(self, making: Composing, limit: int, word: str, at: Instruction) -> ImageSpec:
        """What `--from=WORD` means in a stage that comes after `limit` others."""
        stage = find_stage(self._stages[:limit], word)
        if stage is None:
            return _image(word, at)
        if stage.number not in self._images:
            inner = Composing.begin(making.shipping, making.force)
            inner.extend(self.steps(inner, stage))
            self._images[stage.number] = inner.spec()
        return self._images[stage.number]
