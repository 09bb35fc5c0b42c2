"""The typed options that core and plugins register, and how text becomes a value."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from intermodal.exception import ConfigError

__all__ = ["Option", "OptionType", "Options", "nearest", "parse_text", "parse_value", "render"]

#: What an option holds. `list` is a list of strings, kept as a tuple. `Path` expands `~` and is made absolute.
OptionType: TypeAlias = Literal["str", "int", "float", "bool", "path", "list"]

#: What a setting's environment variable begins with.
PREFIX = "INTERMODAL_"
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One setting.

    Attributes:
        name: dotted, as in `[tool.intermodal.local] gpus` → "local.gpus".
        old_env: older spellings of its environment variable; each warns once.
        additive: values of all layers are joined, rather than the last one winning.
        secret: nobody is shown its value.
    """

    name: str
    type: OptionType
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    old_env: tuple[str, ...] = ()
    additive: bool = False
    secret: bool = False

    @property
    def env(self) -> str:
        """Its environment variable: `local.gpus` → `INTERMODAL_LOCAL_GPUS`."""
        return PREFIX + self.name.replace(".", "_").upper()


class Options:
    """The registry of options: what `intermodal_addoption(options)` gets."""

    def __init__(self) -> None:
        self._options: dict[str, Option] = {}

    def add(
        self,
        name: str,
        *,
        help: str,
        type: OptionType = "str",
        default: Any = None,
        choices: tuple[str, ...] = (),
        old_env: tuple[str, ...] = (),
        additive: bool = False,
        secret: bool = False,
    ) -> None:
        """Register an option.

        Args:
            name: dotted lower-case, the first part the plugin's or backend's own name: "local.gpus".
            help: one sentence for `intermodal config`.
            type: "str", "int", "float", "bool", "path" or "list" (of strings).
            default: what `config.get` gives where nothing is set; None is allowed.
            choices: the only texts allowed, for type "str".
            secret: `intermodal config` does not show its value.

        Raises:
            ConfigError: the name cannot be used, or is taken.
        """
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"option name {name!r} cannot be used: write it as dotted lower-case words, like local.gpus"
            )
        if default is None and type == "list":
            default = ()
        option = Option(
            name=name,
            type=type,
            default=default,
            help=help,
            choices=choices,
            old_env=old_env,
            additive=additive,
            secret=secret,
        )
        for other in self._options.values():
            if other.env == option.env:
                raise ConfigError(f"option {name!r} is registered twice (also as {other.name!r}): rename one of them")
        self._options[name] = option

    def get(self, name: str) -> Option:
        """The option called `name`. Raises `ConfigError` naming the nearest one."""
        try:
            return self._options[name]
        except KeyError:
            raise ConfigError(f"there is no option {name!r}{nearest(name, self._options)}") from None

    def sections(self) -> set[str]:
        """The first parts of dotted names."""
        return {name.split(".")[0] for name in self._options if "." in name}

    def __contains__(self, name: object) -> bool:
        return name in self._options

    def __iter__(self) -> Iterator[Option]:
        return iter(sorted(self._options.values(), key=lambda option: ("." in option.name, option.name)))


def nearest(word: str, known: Any, cutoff: float = 0.6) -> str:
    """`: did you mean 'x'?` where a known word is close to `word`, else ""."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)
    return f": did you mean {close[0]!r}?" if close else ""


def parse_text(option: Option, text: str, origin: str) -> Any:
    """The value that `text`, from the environment or the command line, means. Raises `ConfigError`."""
    word = text.strip()
    try:
        if option.type == "int":
            return int(word)
        if option.type == "float":
            return float(word)
        if option.type == "list":
            return _parse_list(text)
        if option.type == "bool":
            return _parse_bool(word)
    except ValueError:
        raise _mismatch(option, text, origin) from None
    return parse_value(option, text, origin)


def parse_value(option: Option, value: Any, origin: str) -> Any:
    """The value that a TOML value means. Raises `ConfigError` where its type does not fit."""
    if option.type == "list" and isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if option.type == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if option.type == "path" and isinstance(value, str) and value:
        return Path(value).expanduser().absolute()
    expected = {"str": str, "int": int, "bool": bool}.get(option.type)
    if expected is None or type(value) is not expected or (option.choices and value not in option.choices):
        raise _mismatch(option, value, origin)
    return value


def render(option: Option, value: Any) -> str:
    """Text that `parse_text` reads back as `value`; "" for None."""
    if value is None:
        return ""
    if option.type == "bool":
        return "true" if value else "false"
    if option.type == "list":
        plain = all(item and item == item.strip() and "," not in item and item[0] != "[" for item in value)
        return ",".join(value) if plain else json.dumps(list(value), ensure_ascii=False)
    return str(value)


def _parse_bool(word: str) -> bool:
    if word.lower() in _TRUE:
        return True
    if word.lower() in _FALSE:
        return False
    raise ValueError(word)


def _parse_list(text: str) -> tuple[str, ...]:
    if text.lstrip().startswith("["):
        items = json.loads(text)
        if not all(isinstance(item, str) for item in items):
            raise ValueError(text)
        return tuple(items)
    return tuple(item.strip() for item in text.split(",") if item.strip())


def _mismatch(option: Option, value: Any, origin: str) -> ConfigError:
    wanted = {
        "str": "text",
        "int": "a whole number",
        "float": "a number",
        "bool": "true or false",
        "path": "a path",
        "list": "a list of texts (in the environment: a,b,c)",
    }[option.type]
    if option.choices:
        wanted = "one of " + ", ".join(option.choices)
    given = option.name if option.secret else f"{option.name} = {value!r}"
    return ConfigError(f"{given} from {origin} cannot be used: it takes {wanted}")
