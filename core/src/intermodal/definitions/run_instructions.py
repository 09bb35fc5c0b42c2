"""RUN: a command, what it is shown beside the image (`--mount`), and scripts as heredocs."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator
from dataclasses import replace

from intermodal.definitions import dockerfile
from intermodal.definitions.dockerfile import Instruction, refuse
from intermodal.definitions.reading import Reading
from intermodal.exception import Error, InvalidError
from intermodal.specs import (
    CacheMount,
    FilesMount,
    ImageMount,
    ImageStep,
    RunCommands,
    SecretMount,
    StepMount,
    TmpfsMount,
)

__all__ = ["read_run"]

_SCRIPT = """\
script=$(mktemp) && cat > "$script" {operator}
{raw}
chmod 755 "$script" && "$script"; code=$?; rm -f "$script"; exit $code"""
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def read_run(reading: Reading, instruction: Instruction) -> Iterator[ImageStep]:
    """One step."""
    given, rest = dockerfile.options(instruction)
    mounts: list[StepMount] = []
    exports: list[str] = []
    for name, value in given:
        if name == "mount":
            _mount(reading, instruction, value, mounts, exports)
        elif name != "network" or value not in ("default", "host"):
            hint = f"RUN --{name}={value} is not supported: builds have the host's network and no more rights"
            raise refuse(instruction, f"run-{name}", hint)
    command = "".join(exports) + _command(reading, instruction, rest)
    env = tuple({**reading.declared, **dict(reading.options.env)}.items())
    step = RunCommands(commands=(command,), mounts=tuple(mounts))
    yield replace(reading.options, env=env).applied(step, reading.making)


def _command(reading: Reading, instruction: Instruction, rest: str) -> str:
    argv = dockerfile.json_words(rest)
    if argv is not None:
        return shlex.join(argv)
    text = rest
    if instruction.heredocs:
        (first, *others) = instruction.heredocs
        if rest.strip() != first.word:  # text for a program: a shell reads heredocs itself
            text = "\n".join([rest, *(each.raw for each in instruction.heredocs)])
        elif first.text.startswith("#!"):
            return _SCRIPT.format(operator=first.word, raw=first.raw)
        elif not others:
            text = first.text
    return shlex.join((*reading.making.shell, text)) if reading.making.shell else text


def _mount(reading: Reading, instruction: Instruction, text: str, mounts: list[StepMount], exports: list[str]) -> None:
    """Read the value of one `--mount=` into what it shows, or into a line that names a secret's variable."""
    fields = _fields(reading, instruction, text)
    kind = fields.pop("type", "bind")
    if kind == "secret" and "env" in fields:
        variable = fields.pop("env")
        _refuse_others(instruction, kind, fields, "id", "required")
        exports.append(f'export {variable}="${fields.get("id", variable)}"\n')
        return
    read = _MOUNTS.get(kind)
    if read is None:
        hint = f"RUN --mount=type={kind} is not supported: bind, cache, secret and tmpfs are"
        raise refuse(instruction, f"run-mount-{kind}", hint)
    mounts.append(read(reading, instruction, fields))


def _fields(reading: Reading, instruction: Instruction, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        name, equals, value = part.partition("=")
        name = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}.get(name, name)
        found[name] = reading.word(instruction, value) if equals else "true"
    if "target" in found:
        found["target"] = reading.place(found["target"])
    return found


def _target(instruction: Instruction, kind: str, fields: dict[str, str]) -> str:
    target = fields.pop("target", "")
    if not target.strip("/"):
        raise InvalidError(f"{instruction.where}: --mount=type={kind} needs target=, a path below /")
    return target


def _refuse_others(instruction: Instruction, kind: str, fields: dict[str, str], *known: str) -> None:
    for name in sorted(set(fields) - set(known)):
        hint = f"RUN --mount=type={kind},{name}={fields[name]} is not supported: remove it"
        raise refuse(instruction, f"run-mount-{kind}-{name}", hint)


def _octal(instruction: Instruction, text: str) -> int:
    try:
        return int(text, 8)
    except ValueError:
        raise InvalidError(f"{instruction.where}: the mode {text!r} is not octal, as in 0400") from None


def _cache(_: Reading, instruction: Instruction, fields: dict[str, str]) -> StepMount:
    target = _target(instruction, "cache", fields)
    _refuse_others(instruction, "cache", fields, "id", "sharing")
    sharing = fields.get("sharing", "shared")
    if sharing not in ("shared", "private", "locked"):
        raise InvalidError(f"{instruction.where}: sharing={sharing} is none of shared, private and locked")
    # Who would have a private one of their own waits for the only one instead.
    return CacheMount(target=target, id=fields.get("id", target), alone=sharing != "shared")


def _secret(_: Reading, instruction: Instruction, fields: dict[str, str]) -> StepMount:
    variable = fields.get("id") or posixpath.basename(fields.get("target", ""))
    if not variable:
        raise InvalidError(f"{instruction.where}: --mount=type=secret needs id=, a variable of secrets=[...]")
    _refuse_others(instruction, "secret", fields, "id", "target", "mode", "uid", "gid", "required")
    return SecretMount(
        target=fields.get("target", f"/run/secrets/{variable}"),
        variable=variable,
        mode=_octal(instruction, fields.get("mode", "400")),
        uid=int(fields.get("uid", "0")),
        gid=int(fields.get("gid", "0")),
        required=fields.get("required", "false") == "true",
    )


def _tmpfs(_: Reading, instruction: Instruction, fields: dict[str, str]) -> StepMount:
    target = _target(instruction, "tmpfs", fields)
    _refuse_others(instruction, "tmpfs", fields, "size")
    size = fields.get("size", "").lower().removesuffix("b")
    number, unit = size.rstrip("kmg"), size[len(size.rstrip("kmg")) :]
    if size and not number.isdecimal():
        raise InvalidError(f"{instruction.where}: size={fields['size']} is no number of bytes, such as 64m")
    return TmpfsMount(target=target, size=int(number) * _UNITS[unit] if size else None)


def _bind(reading: Reading, instruction: Instruction, fields: dict[str, str]) -> StepMount:
    target = _target(instruction, "bind", fields)
    _refuse_others(instruction, "bind", fields, "from", "source", "rw", "readwrite", "readonly")
    source = fields.get("source", "")
    if "from" in fields:
        path = posixpath.normpath(posixpath.join("/", source))
        return ImageMount(target=target, source=reading.source(fields["from"], instruction), path=path)
    try:
        return FilesMount(target=target, tree=reading.context.tree(source, reading.making.shipping.blobs))
    except Error as error:
        raise type(error)(f"{instruction.where}: {error}") from None


_MOUNTS = {"cache": _cache, "secret": _secret, "tmpfs": _tmpfs, "bind": _bind}
