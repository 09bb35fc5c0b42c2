"""The typed options that core and plugins register, and how text becomes a value."""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from intermodal.exception import ConfigError
from intermodal.specs.names import NAME_RULE, is_name

__all__ = ["Option", "OptionType", "Options", "nearest", "parse_text", "parse_value", "render"]

#: What an option holds. `float` is finite. `list` is a list of strings, kept as a tuple. `path` expands `~` and is made
#: absolute. `name` is what an app or an environment may be called.
OptionType: TypeAlias = Literal["str", "name", "int", "float", "bool", "path", "list"]

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
        smallest, largest: the range of a number, both included; None: no bound.
    """

    name: str
    type: OptionType
    default: Any
    help: str
    choices: tuple[str, ...] = ()
    old_env: tuple[str, ...] = ()
    additive: bool = False
    secret: bool = False
    smallest: float | None = None
    largest: float | None = None

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
        smallest: float | None = None,
        largest: float | None = None,
    ) -> None:
        """Register an option.

        Args:
            name: dotted lower-case, the first part the plugin's or backend's own name: "local.gpus".
            help: one sentence for `intermodal config`.
            type: "str", "name", "int", "float", "bool", "path" or "list" (of strings).
            default: what `config.get` gives where nothing is set; None is allowed.
            choices: the only texts allowed, for type "str".
            secret: `intermodal config` does not show its value.
            smallest: the least value, for the types "int" and "float".
            largest: the greatest.

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
            smallest=smallest,
            largest=largest,
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
            return _in_range(option, int(word), text, origin)
        if option.type == "float":
            return _in_range(option, float(word), text, origin)
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
        return _in_range(option, value, value, origin)
    if option.type == "int" and type(value) is int:
        return _in_range(option, value, value, origin)
    if option.type == "name" and is_name(value):
        return value
    if option.type == "path" and isinstance(value, str) and value:
        return Path(value).expanduser().absolute()
    expected = {"str": str, "bool": bool}.get(option.type)
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


def _in_range(option: Option, number: float, given: object, origin: str) -> float:
    """The number as the option's type, finite and within its bounds. `given` is what to show of it."""
    least = -math.inf if option.smallest is None else option.smallest
    most = math.inf if option.largest is None else option.largest
    if not least <= number <= most:  # nor is a NaN
        raise _mismatch(option, given, origin)
    if option.type == "int":
        return number
    try:
        number = float(number)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _mismatch(option, given, origin)
    return number


def _range(option: Option) -> str:
    """In words; "" without bounds."""
    if option.smallest is not None and option.largest is not None:
        return f" from {option.smallest} to {option.largest}"
    if option.smallest is not None:
        return f" of at least {option.smallest}"
    return "" if option.largest is None else f" of at most {option.largest}"


def _mismatch(option: Option, value: Any, origin: str) -> ConfigError:
    wanted = {
        "str": "text",
        "name": f"a name: {NAME_RULE}",
        "int": "a whole number" + _range(option),
        "float": "a number" + _range(option),
        "bool": "true or false",
        "path": "a path",
        "list": "a list of texts (in the environment: a,b,c)",
    }[option.type]
    if option.choices:
        wanted = "one of " + ", ".join(option.choices)
    given = option.name if option.secret else f"{option.name} = {value!r}"
    return ConfigError(f"{given} from {origin} cannot be used: it takes {wanted}")
