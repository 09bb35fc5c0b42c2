"""What Dockerfile instructions mean: the image's primitive steps (image.steps)."""

from __future__ import annotations

import platform
import posixpath
import shlex
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from intermodal.definitions import dockerfile
from intermodal.definitions.composing import Composing
from intermodal.definitions.contexts import Context
from intermodal.definitions.dockerfile import Instruction, refuse
from intermodal.definitions.registries import registry
from intermodal.definitions.step_options import StepOptions
from intermodal.exception import Error, InvalidError, NotFoundError
from intermodal.specs import (
    CopyFiles,
    FileEntry,
    FileTree,
    ImageStep,
    RunCommands,
    Scratch,
    SetCmd,
    SetEntrypoint,
    SetEnv,
    SetWorkdir,
)

__all__ = ["Commands", "DockerfileBase", "DockerfileLines"]

_NO_MEANING = frozenset({"LABEL", "EXPOSE", "MAINTAINER", "HEALTHCHECK", "STOPSIGNAL", "VOLUME"})
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}
_ROOT = frozenset({"root", "0"})
_SHELL = ("/bin/sh", "-c")
_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")


@dataclass(frozen=True)
class Commands:
    """Shell commands, run by the shell of the image."""

    lines: tuple[str, ...]
    options: StepOptions

    def lower(self, making: Composing) -> Iterator[ImageStep]:
        """One step."""
        lines = tuple(shlex.join((*making.shell, line)) if making.shell else line for line in self.lines)
        yield self.options.applied(RunCommands(commands=lines), making)


@dataclass
class _Stage:
    base: str
    name: str
    origin: Instruction
    instructions: list[Instruction] = field(default_factory=list)


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
        yield from _Reader(making, self.context, {}, self.options).read(instructions)


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
        """Raises `NotFoundError`: no such file; and what instructions raise."""
        try:
            lines = self.path.read_text().splitlines()
        except OSError as error:
            raise NotFoundError(f"the Dockerfile {self.path} cannot be read: {error.strerror}") from None
        given, stages = _stages(dockerfile.parse(lines, self.path.name), self.build_args)
        chain = _chain(stages, self.path)
        origin = chain[0]
        if origin.base.lower() == "scratch":
            making.base = Scratch()
        else:
            making.base = registry(origin.base, self.add_python)
        reader = _Reader(making, self.context, {**given, **self.build_args}, self.options)
        instructions = [each for stage in chain for each in stage.instructions]
        # Docker's own default, which relative paths in Dockerfiles count on; functions have another (image.defaults).
        yield SetWorkdir(path="/")
        yield from reader.read(instructions)
        if not any(each.keyword == "WORKDIR" for each in instructions):
            yield SetWorkdir(path="/root")
        unknown = [name for name in self.build_args if name not in reader.declared and name not in given]
        if unknown:
            warnings.warn(f"{self.path.name} has no ARG {', '.join(unknown)}: build_args= has", stacklevel=2)


def _stages(instructions: Sequence[Instruction], build_args: Mapping[str, str]) -> tuple[dict[str, str], list[_Stage]]:
    """The ARGs before the first FROM, and the stages."""
    given: dict[str, str] = {}
    stages: list[_Stage] = []
    for each in instructions:
        if each.keyword == "FROM":
            stages.append(_from(each, given))
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


def _from(instruction: Instruction, given: Mapping[str, str]) -> _Stage:
    options, rest = dockerfile.options(instruction)
    words = dockerfile.words(rest, given.get, instruction)
    wanted = options.get("platform", "")
    if wanted and not wanted.startswith("$") and _MACHINES.get(wanted.removeprefix("linux/")) != platform.machine():
        raise refuse(instruction, "platform", f"this machine is no {wanted}: remove --platform")
    if len(words) == 3 and words[1].upper() == "AS":
        return _Stage(words[0], words[2].lower(), instruction)
    if len(words) != 1:
        raise InvalidError(f"{instruction.where}: FROM takes IMAGE or IMAGE AS NAME")
    return _Stage(words[0], "", instruction)


def _chain(stages: Sequence[_Stage], path: Path) -> list[_Stage]:
    """The stages that the last one is made of, first things first. Others are not built, for nothing needs them."""
    if not stages:
        raise InvalidError(f"{path} has no FROM")
    chain = [stages[-1]]
    while True:
        earlier = stages[: stages.index(chain[0])]
        parent = next((stage for stage in reversed(earlier) if stage.name == chain[0].base.lower()), None)
        if parent is None:
            return chain
        chain.insert(0, parent)


class _Reader:
    """Instructions of one chain of stages, one after another."""

    def __init__(
        self,
        making: Composing,
        context: Context,
        args: Mapping[str, str],
        options: StepOptions,
    ) -> None:
        self.declared: dict[str, str] = {}
        self._making, self._context, self._args, self._options = making, context, args, options
        self._ignored: list[Instruction] = []

    def read(self, instructions: Sequence[Instruction]) -> Iterator[ImageStep]:
        """The steps. Errors name the line."""
        for each in instructions:
            read = _INSTRUCTIONS.get(each.keyword)
            if read is not None:
                yield from read(self, each)
            elif each.keyword in _NO_MEANING:
                self._ignored.append(each)
            elif each.keyword == "FROM":
                raise InvalidError(f"{each.where}: FROM belongs into a file for Image.from_dockerfile()")
            elif each.keyword == "ONBUILD":
                raise refuse(each, "onbuild", "ONBUILD is for images that others start from: remove it")
            else:
                raise InvalidError(f"{each.where}: there is no instruction {each.keyword}")
        if self._ignored:
            named = ", ".join(f"{each.keyword} ({each.where})" for each in self._ignored)
            warnings.warn(f"passed over, for it means nothing to containers here: {named}", stacklevel=2)

    def _value(self, name: str) -> str | None:
        return self._making.env.get(name, self.declared.get(name))

    def _words(self, instruction: Instruction, text: str | None = None) -> list[str]:
        return dockerfile.words(instruction.rest if text is None else text, self._value, instruction)

    def _run(self, instruction: Instruction) -> Iterator[ImageStep]:
        options, rest = dockerfile.options(instruction)
        for name, value in options.items():
            if name == "mount" and "type=cache" in value.split(","):
                continue  # only makes builds faster
            hint = "give from_dockerfile(secrets=[...]), whose values are in the environment of RUN"
            if name == "mount" and "type=secret" not in value.split(","):
                hint = "COPY what is needed instead"
            raise refuse(instruction, f"run-{name}", f"RUN --{name} is not supported: {hint}")
        argv = dockerfile.json_words(rest)
        env = tuple({**self.declared, **dict(self._options.env)}.items())
        if argv is not None:
            command = shlex.join(argv)
        else:
            command = shlex.join((*self._making.shell, rest)) if self._making.shell else rest
        yield replace(self._options, env=env).applied(RunCommands(commands=(command,)), self._making)

    def _arg(self, instruction: Instruction) -> Iterator[ImageStep]:
        for word in self._words(instruction):
            name, equals, default = word.partition("=")
            if name in self._args:
                self.declared[name] = self._args[name]
            elif equals:
                self.declared[name] = default
        return iter(())

    def _set_env(self, instruction: Instruction) -> Iterator[ImageStep]:
        words = self._words(instruction)
        if "=" not in instruction.rest.split(None, 1)[0]:
            name, _, rest = instruction.rest.partition(" ")
            words = [f"{name}={' '.join(self._words(instruction, rest))}"]
        pairs = [word.partition("=") for word in words]
        for name, equals, _ in pairs:
            if not equals or not name:
                raise InvalidError(f"{instruction.where}: ENV takes NAME=VALUE, and got {name!r}")
        yield SetEnv(variables=tuple((name, value) for name, _, value in pairs))

    def _workdir(self, instruction: Instruction) -> Iterator[ImageStep]:
        path = " ".join(self._words(instruction))
        yield SetWorkdir(path=posixpath.normpath(posixpath.join(self._making.workdir, path)))

    def _shell(self, instruction: Instruction) -> Iterator[ImageStep]:
        argv = dockerfile.json_words(instruction.rest)
        if not argv:
            raise InvalidError(f'{instruction.where}: SHELL takes a list, as in SHELL ["/bin/bash", "-c"]')
        self._making.shell = () if argv == _SHELL else argv
        return iter(())

    def _user(self, instruction: Instruction) -> Iterator[ImageStep]:
        if not _ROOT.issuperset(" ".join(self._words(instruction)).split(":")):
            hint = f"USER {instruction.rest}: containers run as root of their own namespace; remove it"
            raise refuse(instruction, "user", hint)
        return iter(())

    def _argv(self, instruction: Instruction) -> tuple[str, ...]:
        argv = dockerfile.json_words(instruction.rest)
        return argv if argv is not None else (*(self._making.shell or _SHELL), instruction.rest)

    def _entrypoint(self, instruction: Instruction) -> Iterator[ImageStep]:
        yield SetEntrypoint(argv=self._argv(instruction))

    def _cmd(self, instruction: Instruction) -> Iterator[ImageStep]:
        yield SetCmd(argv=self._argv(instruction))

    def _copy(self, instruction: Instruction) -> Iterator[ImageStep]:
        given, rest = dockerfile.options(instruction)
        mode = self._copy_options(instruction, given)
        listed = dockerfile.json_words(rest)
        words = self._words(instruction, rest) if listed is None else self._expanded(instruction, listed)
        if len(words) < 2:
            raise InvalidError(f"{instruction.where}: {instruction.keyword} takes sources and a target")
        *sources, target = words
        if instruction.keyword == "ADD":
            _check_add(instruction, sources)
        try:
            found = [each for source in sources for each in self._context.find(source, self._making.shipping.blobs)]
        except Error as error:
            raise type(error)(f"{instruction.where}: {error}") from None
        tree = _tree(found, into=len(found) > 1 or target.endswith("/") or posixpath.basename(target) in (".", ".."))
        entries = tuple(entry if mode is None else replace(entry, mode=mode) for entry in tree.entries)
        path = posixpath.normpath(posixpath.join(self._making.workdir, target))
        yield CopyFiles(tree=FileTree(entries), target=path)

    def _expanded(self, instruction: Instruction, listed: Sequence[str]) -> list[str]:
        return [" ".join(self._words(instruction, word)) for word in listed]

    def _copy_options(self, instruction: Instruction, given: Mapping[str, str]) -> int | None:
        mode = None
        for name, value in given.items():
            if name == "from":
                hint = f"COPY --from={value} takes files of another image: make them with RUN in this one"
                raise refuse(instruction, "copy-from", hint)
            if name == "chown" and not _ROOT.issuperset(value.split(":")):
                raise refuse(instruction, "chown", f"--chown={value}: files belong to root; use RUN chown")
            if name == "chmod":
                try:
                    mode = int(value, 8)
                except ValueError:
                    raise refuse(instruction, "chmod", f"--chmod={value}: write it in octal, as in 755") from None
            elif name not in ("chown", "link"):
                raise refuse(instruction, f"copy-{name}", f"{instruction.keyword} --{name} is not supported")
        return mode


def _check_add(instruction: Instruction, sources: Sequence[str]) -> None:
    for source in sources:
        if "://" in source or source.startswith("git@"):
            raise refuse(instruction, "add-url", f"ADD {source}: fetch it with RUN curl or RUN git clone")
        if source.endswith(_ARCHIVES):
            raise refuse(instruction, "add-archive", f"ADD {source} would unpack it: use COPY, and RUN tar -xf")


def _tree(found: Sequence[tuple[str, list[FileEntry]]], *, into: bool) -> FileTree:
    """One tree of all sources. `into`: the target is a directory, which gets files under their own names."""
    entries: dict[str, FileEntry] = {}
    for name, each in found:
        for entry in each:
            path = name if name and into else entry.path
            entries[path] = replace(entry, path=path)
    return FileTree(tuple(entries[path] for path in sorted(entries)))


_INSTRUCTIONS = {
    "RUN": _Reader._run,
    "ARG": _Reader._arg,
    "ENV": _Reader._set_env,
    "WORKDIR": _Reader._workdir,
    "SHELL": _Reader._shell,
    "USER": _Reader._user,
    "ENTRYPOINT": _Reader._entrypoint,
    "CMD": _Reader._cmd,
    "COPY": _Reader._copy,
    "ADD": _Reader._copy,
}
