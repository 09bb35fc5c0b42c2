"""The types of public arguments, checked by the signatures' own hints before anything happens.

Wrong ones are an `InvalidError` that names the call, the argument, what it must be and what it was. Hints are read when
something is first called, so that importing costs nothing. Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from intermodal.client.kinds import LOCAL_PATH, PATH_TEXT, Kind, Wrong, kind_of
from intermodal.client.shown import kind_of_value, shown
from intermodal.exception import InvalidError

__all__ = ["Kinds", "checked", "checked_class", "kinds_of", "refuse"]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

#: Hints that say nothing, as they are written: what has only these costs nothing.
_ANYTHING = {"Any", "object", "P.args", "P.kwargs"}
#: Arguments whose text may be secret where it is of the wrong kind.
_SECRET = {"secret", "secrets", "env", "env_dict", "vars", "build_args", "kwargs"}
#: Text that names a file, in a volume or a sandbox, or here.
_PATHS = {"path": PATH_TEXT, "remote_path": PATH_TEXT, "dst_path": PATH_TEXT, "filename": LOCAL_PATH}
#: Types that only type checkers import, beside those of `intermodal` itself.
_LATE = {"Schedule": "intermodal.definitions.schedules", "Run": "intermodal.definitions.running"}


class Kinds:
    """What the arguments of one function may be: by position, all further ones, and by name.

    Attributes:
        unknown: hints for which there is no rule; their arguments are not checked.
        by_name_only: nothing is taken by position.
    """

    def __init__(self, function: Callable[..., Any], method: bool) -> None:
        self.unknown: list[str] = []
        self._evaluate = _names_of(function)
        self._positional: list[tuple[str, Kind] | None] = []
        self._rest: tuple[str, Kind] | None = None
        self._by_name: dict[str, Kind] = {}
        parameters = list(inspect.signature(function).parameters.values())
        self.by_name_only = all(each.kind in (each.KEYWORD_ONLY, each.VAR_KEYWORD) for each in parameters)
        for number, each in enumerate(parameters):
            kind = None if method and number == 0 else self._kind(each)
            named = None if kind is None else (each.name, kind)
            if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD):
                self._positional.append(named)
            if each.kind is each.VAR_POSITIONAL:
                self._rest = named
            elif each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD) and kind is not None:
                self._by_name[each.name] = kind

    def _kind(self, parameter: inspect.Parameter) -> Kind | None:
        if parameter.annotation is parameter.empty:
            return None
        if parameter.annotation == "str" and parameter.name in _PATHS:
            return _PATHS[parameter.name]
        try:
            return kind_of(parameter.annotation, self._evaluate)
        except (NameError, TypeError) as error:
            self.unknown.append(f"{parameter}: {error}")
            return None

    def wrong(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[str, Wrong] | None:
        """The first argument that is not accepted, by name."""
        for named, value in zip(self._positional, args):  # noqa: B905 - there may be more of either
            if named is not None and (found := named[1].look(value)) is not None:
                return named[0], found
        if self._rest is not None:
            for number, value in enumerate(args[len(self._positional) :]):
                if (found := self._rest[1].look(value)) is not None:
                    return self._rest[0], found.within(f"{{}}[{number}]")
        return self.wrong_by_name(kwargs)

    def wrong_by_name(self, given: Mapping[str, Any]) -> tuple[str, Wrong] | None:
        """The same of arguments by name. Names that nobody knows are not looked at."""
        for name, value in given.items():
            kind = self._by_name.get(name)
            if kind is not None and (found := kind.look(value)) is not None:
                return name, found
        return None


def _names_of(function: Callable[..., Any]) -> Callable[[str], Any]:
    """Evaluates hints of `function`: with what its module has, and with what that imports for type checkers only."""
    known = getattr(inspect.unwrap(function), "__globals__", {})

    class Names(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            if name in known or hasattr(builtins, name):
                raise KeyError(name)
            try:
                return getattr(importlib.import_module(_LATE.get(name, "intermodal")), name)
            except AttributeError:
                raise KeyError(name) from None

    return lambda hint: eval(hint, known, Names())


@functools.cache
def kinds_of(function: Callable[..., Any], method: bool = False) -> Kinds:
    """The kinds of a function's arguments; `method`: the first one is its object or class."""
    return Kinds(function, method)


def refuse(where: str, name: str, wrong: Wrong) -> NoReturn:
    """Raise `InvalidError` for an argument."""
    hidden = wrong.inner or (name in _SECRET and isinstance(wrong.value, (str, bytes)))
    given = kind_of_value(wrong.value) if hidden else shown(wrong.value)
    raise InvalidError(f"{where}: {wrong.place.replace('{}', name, 1)} must be {wrong.expected}, not {given}")


def checked(function: F, *, method: bool = False) -> F:
    """`function`, whose arguments are checked. Raises `InvalidError` when it is called."""
    hints = {name: hint for name, hint in function.__annotations__.items() if name != "return"}
    if _ANYTHING.issuperset(hints.values()) and (hints or method):
        return function

    @functools.wraps(function)
    def calling(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        kinds = kinds_of(function, method)
        found = kinds.wrong(args, kwargs)
        if found is not None:
            refuse(_called(function, args, method), *found)
        if args and kinds.by_name_only:
            raise InvalidError(f"write @intermodal.{function.__name__}() with parentheses, and its options by keyword")
        return function(*args, **kwargs)

    return calling  # type: ignore[return-value]


def checked_class(cls: type[T]) -> type[T]:
    """`cls`, whose constructor and public methods are checked."""
    for name, member in list(vars(cls).items()):
        if name.startswith("_") and name != "__init__":
            continue
        if inspect.isfunction(member):
            setattr(cls, name, checked(member, method=True))
        elif isinstance(member, classmethod):
            setattr(cls, name, classmethod(checked(member.__func__, method=True)))
        elif type(member).__name__.startswith("_Dual"):
            member.__wrapped__ = checked(member.__wrapped__, method=True)
    return cls


def _called(function: Callable[..., Any], args: tuple[Any, ...], method: bool) -> str:
    if not method or not args:
        return f"intermodal.{function.__name__}"
    owner = args[0]
    kind = owner if isinstance(owner, type) else type(owner)
    label: str = getattr(owner, "_called", kind.__name__)
    return label if function.__name__ == "__init__" else f"{label}.{function.__name__}"
