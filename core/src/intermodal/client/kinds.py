"""What a type hint of a public argument accepts, and how to say so.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import os
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

__all__ = ["LOCAL_PATH", "PATH_TEXT", "Kind", "Wrong", "kind_of"]

#: Evaluates a hint that is written as text.
Evaluate = Callable[[str], Any]
#: Larger numbers fit neither SQLite nor a clock.
_LIMIT = 1 << 63
#: Bytes that Linux lets a path and a name in it have.
_LONGEST_PATH, _LONGEST_NAME = 4096, 255
_CALLABLE: Any = Callable


@dataclass(frozen=True)
class Wrong:
    """A value that is not accepted: `place` has "{}" where the argument's name belongs, as in "a key of {}".
    `inner`: it is the value of a mapping, which may be secret."""

    place: str
    value: Any
    expected: str
    inner: bool = False

    def within(self, place: str) -> Wrong:
        """The same, where the argument is what is at `place` of another."""
        return replace(self, place=self.place.replace("{}", place, 1))


@dataclass(frozen=True)
class Kind:
    """What is accepted, in words for one and for several, and a look at a value."""

    words: str
    look: Callable[[Any], Wrong | None]
    several: str = ""

    @property
    def all(self) -> str:
        """Words for several."""
        return self.several or self.words


def kind_of(hint: Any, evaluate: Evaluate) -> Kind | None:
    """The kind that `hint` means; None where anything goes."""
    if isinstance(hint, str):
        hint = evaluate(hint)
    if isinstance(hint, typing.ForwardRef):
        hint = evaluate(hint.__forward_arg__)
    if hint is Any or isinstance(hint, (typing.ParamSpecArgs, typing.ParamSpecKwargs)):
        return None
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _union(arguments, evaluate)
    if origin is typing.Literal:
        return _literal(arguments)
    if isinstance(hint, typing.TypeVar):
        return _union(hint.__constraints__, evaluate) if hint.__constraints__ else None
    if isinstance(origin or hint, type):
        return _of_class(origin or hint, arguments, evaluate)
    raise TypeError(f"no rule for the type hint {hint!r}")


def _of_class(origin: type, arguments: tuple[Any, ...], evaluate: Evaluate) -> Kind | None:
    if origin is object or getattr(origin, "_is_protocol", False):
        return None
    if origin is tuple and Ellipsis not in arguments:
        return _tuple(tuple(kind_of(each, evaluate) for each in arguments))
    if issubclass(origin, Mapping):
        key, value = (kind_of(each, evaluate) for each in arguments or (Any, Any))
        return _mapping(key, value)
    if issubclass(origin, Collection):
        return _sequence(kind_of(arguments[0], evaluate) if arguments else None)
    if issubclass(origin, os.PathLike):
        return LOCAL_PATH
    if issubclass(origin, typing.IO):
        return _plain("an open file", lambda value: callable(getattr(value, "read", None)))
    if origin is _CALLABLE:
        return _plain("a function", callable)
    return _instance(origin)


def _instance(kind: type) -> Kind:
    public = kind.__module__.startswith("intermodal")
    name = f"intermodal.{kind.__name__}" if public else kind.__name__
    words = f"{'an' if name[0] in 'aeiou' else 'a'} {name}"
    return Kind(words, lambda value: None if isinstance(value, kind) else Wrong("{}", value, words), name)


def _plain(words: str, accepts: Callable[[Any], bool]) -> Kind:
    return Kind(words, lambda value: None if accepts(value) else Wrong("{}", value, words))


# ---- numbers and text -----------------------------------------------------------------------------------------------


def _numbers(words: str, *kinds: type[int] | type[float]) -> Kind:
    def look(value: Any) -> Wrong | None:
        if not isinstance(value, kinds) or isinstance(value, bool):
            return Wrong("{}", value, words)
        if not -_LIMIT < value < _LIMIT:  # nan, too
            return Wrong("{}", value, f"{words} of a sensible size")
        return None

    return Kind(words, look, f"{words.removeprefix('a ')}s")


def _text(how: str = "strict", nul: bool = False) -> Kind:
    def look(value: Any) -> Wrong | None:
        if not isinstance(value, str):
            return Wrong("{}", value, "text")
        if not nul and "\0" in value:
            return Wrong("{}", value, "text without NUL characters")
        if not value.isascii():
            try:
                value.encode("utf-8", how)
            except UnicodeEncodeError:
                return Wrong("{}", value, "text that UTF-8 can write, without lone surrogates")
        return None

    return Kind("text", look)


_TEXT = _text()
#: What is written somewhere, rather than names something.
_DATA_TEXT = _text(nul=True)
#: A file's name need not be UTF-8; Python shows other bytes as surrogates.
PATH_TEXT = _text("surrogateescape")


def _look_at_local(value: Any) -> Wrong | None:
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str):
        return Wrong("{}", value, "text or a path")
    wrong = PATH_TEXT.look(path)
    encoded = b"" if wrong else path.encode("utf-8", "surrogateescape")
    if len(encoded) >= _LONGEST_PATH or any(len(name) > _LONGEST_NAME for name in encoded.split(b"/")):
        return Wrong("{}", path, f"a path that can exist, with at most {_LONGEST_NAME} bytes in a name")
    return wrong


#: A path of the machine that the program runs on.
LOCAL_PATH = Kind("text or a path", _look_at_local)

_BYTES = _plain("bytes", lambda value: isinstance(value, bytes))
_NONE = _plain("None", lambda value: value is None)
_PLAIN: dict[Any, Kind | None] = {
    str: _TEXT,
    bool: _plain("True or False", lambda value: type(value) is bool),
    int: _numbers("a whole number", int),
    float: _numbers("a number", int, float),
    bytes: _BYTES,
    bytearray: _plain("a bytearray", lambda value: isinstance(value, bytearray)),
    memoryview: _plain("a memoryview", lambda value: isinstance(value, memoryview)),
    None: _NONE,
    type(None): _NONE,
}


# ---- what is made of others -----------------------------------------------------------------------------------------


def _literal(values: tuple[Any, ...]) -> Kind:
    def accepts(value: Any) -> bool:
        return any(type(value) is type(each) and value == each for each in values)

    return _plain(_either([repr(each) for each in values]), accepts)


def _union(hints: Sequence[Any], evaluate: Evaluate) -> Kind | None:
    kinds: list[Kind] = []
    for hint in hints:
        kind = kind_of(hint, evaluate)
        if kind is None:
            return None
        kinds.append(kind)
    if LOCAL_PATH in kinds:
        kinds = [kind for kind in kinds if kind is not _TEXT]
    if _BYTES in kinds:
        kinds = [_DATA_TEXT if kind is _TEXT else kind for kind in kinds]
    both = _either(list(dict.fromkeys(kind.words for kind in kinds)))

    def look(value: Any) -> Wrong | None:
        closest: Wrong | None = None
        for kind in kinds:
            wrong = kind.look(value)
            if wrong is None:
                return None
            if wrong.place != "{}" or wrong.expected != kind.words:  # of the right kind, with something wrong in it
                closest = closest or wrong
        return closest or Wrong("{}", value, both)

    return Kind(both, look, _either(list(dict.fromkeys(kind.all for kind in kinds))))


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _grouped(words: str) -> str:
    return f"({words})" if " or " in words else words


def _sequence(element: Kind | None) -> Kind:
    words = "a list" if element is None else f"a list of {element.all}"

    def look(value: Any) -> Wrong | None:
        if not isinstance(value, Collection) or isinstance(value, (str, bytes, bytearray, Mapping)):
            return Wrong("{}", value, words)
        return None if element is None else _first(element, value)

    return Kind(words, look)


def _tuple(elements: tuple[Kind | None, ...]) -> Kind:
    first = next(filter(None, elements), None)
    words = f"a tuple of {len(elements)}" + (f" {first.all}" if first else "")

    def look(value: Any) -> Wrong | None:
        if not isinstance(value, (tuple, list)) or len(value) != len(elements):
            return Wrong("{}", value, words)
        for number, (element, each) in enumerate(zip(elements, value, strict=True)):
            wrong = None if element is None else element.look(each)
            if wrong is not None:
                return wrong.within(f"{{}}[{number}]")
        return None

    return Kind(words, look)


def _first(element: Kind, values: Collection[Any]) -> Wrong | None:
    for number, each in enumerate(values):
        wrong = element.look(each)
        if wrong is not None:
            return wrong.within(f"{{}}[{number}]")
    return None


def _mapping(key: Kind | None, value: Kind | None) -> Kind:
    words = "a mapping" + (f" from {key.words}" if key else "") + (f" to {_grouped(value.words)}" if value else "")

    def look(given: Any) -> Wrong | None:
        if not isinstance(given, Mapping):
            return Wrong("{}", given, words)
        if key is None and value is None:
            return None
        for name, each in given.items():
            wrong = None if key is None else key.look(name)
            if wrong is not None:
                return Wrong("a key of {}", wrong.value, wrong.expected)
            wrong = None if value is None else value.look(each)
            if wrong is not None:
                return Wrong("a value of {}", wrong.value, wrong.expected, inner=True)
        return None

    return Kind(words, look)
