"""The stages of a Dockerfile: what each begins with, and which ones a given one is made of."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from intermodal.definitions import dockerfile
from intermodal.definitions.dockerfile import Instruction, refuse
from intermodal.exception import InvalidError

__all__ = ["Stage", "find_stage", "read_stages", "stage_chain"]

_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


@dataclass
class Stage:
    """`base` is an image or an earlier stage; `name` is "" where it has none; `number` counts from 0."""

    base: str
    name: str
    number: int
    origin: Instruction
    instructions: list[Instruction] = field(default_factory=list)


def read_stages(
    instructions: Sequence[Instruction], build_args: Mapping[str, str]
) -> tuple[dict[str, str], list[Stage]]:
    """The ARGs before the first FROM, and the stages."""
    given: dict[str, str] = {}
    stages: list[Stage] = []
    for each in instructions:
        if each.keyword == "FROM":
            stages.append(_from(each, given, len(stages)))
        elif stages:
            stages[-1].instructions.append(each)
        elif each.keyword == "ARG":
            for word in dockerfile.words(each.rest, given.get, each):
                name, equals, value = word.partition("=")
                if equals or name in build_args:
                    given[name] = build_args.get(name, value)
        else:
            raise InvalidError(f"{each.where}: {each.keyword} comes before the first FROM")
    return given, stages


def _from(instruction: Instruction, given: Mapping[str, str], number: int) -> Stage:
    options, rest = dockerfile.options(instruction)
    words = dockerfile.words(rest, given.get, instruction)
    wanted = dict(options).get("platform", "")
    if wanted and not wanted.startswith("$") and _MACHINES.get(wanted.removeprefix("linux/")) != platform.machine():
        raise refuse(instruction, "platform", f"this machine is no {wanted}: remove --platform")
    if len(words) == 3 and words[1].upper() == "AS":
        return Stage(words[0], words[2].lower(), number, instruction)
    if len(words) != 1:
        raise InvalidError(f"{instruction.where}: FROM takes IMAGE or IMAGE AS NAME")
    return Stage(words[0], "", number, instruction)


def find_stage(stages: Sequence[Stage], word: str) -> Stage | None:
    """The one that `word` names, or whose number it is. Of two with one name, the later one."""
    named = next((stage for stage in reversed(stages) if stage.name and stage.name == word.lower()), None)
    if named is None and word.isdecimal() and int(word) < len(stages):
        return stages[int(word)]
    return named


def stage_chain(stages: Sequence[Stage], last: Stage) -> list[Stage]:
    """The stages that `last` is made of by FROM, first things first."""
    chain = [last]
    while True:
        earlier = [stage for stage in stages[: chain[0].number] if stage.name]
        parent = next((stage for stage in reversed(earlier) if stage.name == chain[0].base.lower()), None)
        if parent is None:
            return chain
        chain.insert(0, parent)
