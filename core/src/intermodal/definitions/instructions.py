"""What Dockerfile instructions mean: the image's primitive steps (image.dockerfile)."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence

from intermodal.definitions import dockerfile
from intermodal.definitions.copy_instructions import read_copy
from intermodal.definitions.dockerfile import Instruction, refuse
from intermodal.definitions.reading import Reading
from intermodal.definitions.run_instructions import read_run
from intermodal.exception import InvalidError
from intermodal.specs import CopyFiles, FileTree, ImageStep, SetCmd, SetEntrypoint, SetEnv, SetUser, SetWorkdir

__all__ = ["read_instructions"]

_NO_MEANING = frozenset({"LABEL", "EXPOSE", "MAINTAINER", "HEALTHCHECK", "STOPSIGNAL", "VOLUME"})
_SHELL = ("/bin/sh", "-c")


def read_instructions(reading: Reading, instructions: Sequence[Instruction]) -> Iterator[ImageStep]:
    """The steps, one after another. Errors name the line."""
    ignored: list[Instruction] = []
    for each in instructions:
        read = _READERS.get(each.keyword)
        if read is not None:
            yield from read(reading, each)
        elif each.keyword in _NO_MEANING:
            ignored.append(each)
        elif each.keyword == "FROM":
            raise InvalidError(f"{each.where}: FROM belongs into a file for Image.from_dockerfile()")
        elif each.keyword == "ONBUILD":
            raise refuse(each, "onbuild", "ONBUILD is for images that others start from: remove it")
        else:
            raise InvalidError(f"{each.where}: there is no instruction {each.keyword}")
    if ignored:
        named = ", ".join(f"{each.keyword} ({each.where})" for each in ignored)
        warnings.warn(f"passed over, for it means nothing to containers here: {named}", stacklevel=2)


def _arg(reading: Reading, instruction: Instruction) -> Iterator[ImageStep]:
    for word in reading.words(instruction):
        name, equals, default = word.partition("=")
        if name in reading.args:
            reading.declared[name] = reading.args[name]
        elif equals:
            reading.declared[name] = default
    return iter(())


def _env(reading: Reading, instruction: Instruction) -> Iterator[ImageStep]:
    words = reading.words(instruction)
    if "=" not in instruction.rest.split(None, 1)[0]:
        name, _, rest = instruction.rest.partition(" ")
        words = [f"{name}={reading.word(instruction, rest)}"]
    pairs = [word.partition("=") for word in words]
    for name, equals, _ in pairs:
        if not equals or not name:
            raise InvalidError(f"{instruction.where}: ENV takes NAME=VALUE, and got {name!r}")
    yield SetEnv(variables=tuple((name, value) for name, _, value in pairs))


def _workdir(reading: Reading, instruction: Instruction) -> Iterator[ImageStep]:
    path = reading.place(reading.word(instruction, instruction.rest))
    yield SetWorkdir(path=path)
    if path != "/":
        yield CopyFiles(tree=FileTree(), target=path, owner=reading.making.user)


def _shell(reading: Reading, instruction: Instruction) -> Iterator[ImageStep]:
    argv = dockerfile.json_words(instruction.rest)
    if not argv:
        raise InvalidError(f'{instruction.where}: SHELL takes a list, as in SHELL ["/bin/bash", "-c"]')
    reading.making.shell = () if argv == _SHELL else argv
    return iter(())


def _user(reading: Reading, instruction: Instruction) -> Iterator[ImageStep]:
    user = reading.word(instruction, instruction.rest)
    if not user or any(map(str.isspace, user)) or not all(user.split(":")) or user.count(":") > 1:
        raise InvalidError(f"{instruction.where}: USER takes NAME or NAME:GROUP, and got {user!r}")
    wanted = "" if user in ("root", "0", "root:root", "0:0") else user
    if wanted != reading.making.user:
        yield SetUser(user=wanted)


def _argv(reading: Reading, instruction: Instruction) -> tuple[str, ...]:
    argv = dockerfile.json_words(instruction.rest)
    return argv if argv is not None else (*(reading.making.shell or _SHELL), instruction.rest)


def _entrypoint(reading: Reading, instruction: Instruction) -> Iterator[ImageStep]:
    yield SetEntrypoint(argv=_argv(reading, instruction))


def _cmd(reading: Reading, instruction: Instruction) -> Iterator[ImageStep]:
    yield SetCmd(argv=_argv(reading, instruction))


_READERS: Mapping[str, Callable[[Reading, Instruction], Iterator[ImageStep]]] = {
    "RUN": read_run,
    "COPY": read_copy,
    "ADD": read_copy,
    "ARG": _arg,
    "ENV": _env,
    "WORKDIR": _workdir,
    "SHELL": _shell,
    "USER": _user,
    "ENTRYPOINT": _entrypoint,
    "CMD": _cmd,
}
