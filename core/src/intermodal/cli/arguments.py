"""A function's parameters as command-line options, by their annotations, defaults and docstring."""

from __future__ import annotations

import inspect
import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click

__all__ = ["Signature", "options_of", "signature_of"]

_PLAIN: dict[Any, Any] = {str: str, int: int, float: float}
_TYPES = "str, int, float, bool, datetime, Path, Literal, list or Optional of these"

#: What click calls to make a value of text.
_Convert = Callable[[Any], Any]


def _datetime(value: Any) -> datetime:
    """Any ISO 8601 date or time."""
    try:
        return value if isinstance(value, datetime) else datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is no date or time: write it like 2026-01-31 or 2026-01-31T12:30:00+01:00"
        ) from None


def _literal(values: tuple[Any, ...]) -> _Convert:
    """One of a `Literal`'s values, by its text."""
    by_text = {str(value): value for value in values}

    def choice(value: Any) -> Any:
        if str(value) not in by_text:
            raise click.BadParameter(f"{value!r} is not one of {', '.join(by_text)}")
        return by_text[str(value)]

    return choice


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes: parameters whose annotations are resolved, and its docstring."""

    parameters: tuple[inspect.Parameter, ...]
    doc: str

    @property
    def takes_words(self) -> bool:
        """It takes the command line's words as they are: `def main(*words)`."""
        return [parameter.kind for parameter in self.parameters] == [inspect.Parameter.VAR_POSITIONAL]

    @property
    def summary(self) -> str:
        """The docstring up to its first section."""
        section = _SECTION.search(self.doc)
        return self.doc[: section.start()].strip() if section else self.doc


def signature_of(function: Callable[..., Any], name: str, skip: int = 0) -> Signature:
    """The signature of `function` without its first `skip` parameters. Raises `click.UsageError`: its annotations
    fail.
    """
    try:
        hints = typing.get_type_hints(function)
    except (NameError, TypeError, SyntaxError) as error:
        raise click.UsageError(f"the annotations of {name} cannot be read: {error}") from None
    parameters = [
        parameter.replace(annotation=hints.get(parameter.name, inspect.Parameter.empty))
        for parameter in inspect.signature(function).parameters.values()
    ]
    return Signature(tuple(parameters[skip:]), inspect.getdoc(function) or "")


def options_of(signature: Signature, name: str) -> list[click.Option]:
    """An option for each parameter. Raises `click.UsageError` where a required one cannot be an option."""
    described = _described_parameters(signature.doc)
    options = []
    for parameter in signature.parameters:
        if parameter.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
            raise click.UsageError(f"{name} takes {parameter}: only named parameters, or *words alone, can be options")
        option = _option(parameter, described.get(parameter.name), name)
        if option is not None:
            options.append(option)
    return options


def _option(parameter: inspect.Parameter, help: str | None, function: str) -> click.Option | None:
    required = parameter.default is inspect.Parameter.empty
    default = None if required else parameter.default
    # click tells a default of None from no default.
    given: dict[str, Any] = {"required": True} if required else {"default": default}
    flag = "--" + parameter.name.strip("_").replace("_", "-")
    hint = _without_none(parameter.annotation)
    if hint is inspect.Parameter.empty:
        hint = type(default) if type(default) in (bool, *_PLAIN) else str
    if hint is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}", parameter.name], help=help, show_default=True, **given)
    many = typing.get_origin(hint) is list
    item = typing.get_args(hint)[0] if many else hint
    convert = _converter(item)
    if convert is None:
        if not required:
            return None
        raise click.UsageError(
            f"the parameter {str(parameter)!r} of {function} cannot be given on the command line: "
            f"annotate it as {_TYPES}, or give it a default"
        )
    return click.Option(
        [flag, parameter.name],
        type=convert,
        metavar=_metavar(item),
        multiple=many,
        help=help,
        show_default=default is not None,
        **given,
    )


def _without_none(hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        rest = [item for item in typing.get_args(hint) if item is not type(None)]
        if len(rest) == 1:
            return rest[0]
    return hint


def _converter(hint: Any) -> _Convert | None:
    if typing.get_origin(hint) is typing.Literal:
        return _literal(typing.get_args(hint))
    converter: _Convert | None = {**_PLAIN, datetime: _datetime, Path: Path}.get(hint)
    return converter


def _metavar(hint: Any) -> str | None:
    if typing.get_origin(hint) is typing.Literal:
        return "[" + "|".join(str(value) for value in typing.get_args(hint)) + "]"
    return "TEXT" if hint is str else str(hint.__name__).upper()


_SECTION = re.compile(r"^(Args|Arguments|Parameters|Returns|Raises|Yields|Examples?|Notes?):\s*$", re.MULTILINE)


def _described_parameters(text: str) -> dict[str, str]:
    """`name: what it is` lines of a docstring's `Args:` section."""
    found: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        if section := _SECTION.match(line):
            inside = section[1] in ("Args", "Arguments", "Parameters")
        elif inside and (entry := re.match(r"\s+(\w+)\s*(?:\([^)]*\))?:\s*(.+)", line)):
            found[entry[1]] = entry[2].strip()
    return found
