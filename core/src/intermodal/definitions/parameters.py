"""`parameter()`: typed, keyword-only parameters of a class (cls.parameters)."""

from __future__ import annotations

import enum
import sys
from collections.abc import Mapping
from typing import Any

from intermodal.client.checking import checked
from intermodal.client.shown import shown
from intermodal.exception import InvalidError

__all__ = ["Parameter", "parameter", "parameters_of", "validated"]

_TYPES: dict[str, type] = {"str": str, "int": int, "bytes": bytes, "bool": bool}


class _Missing(enum.Enum):
    """Stands for no default. A class that travels by value brings it along, and it must be the same one there."""

    MISSING = enum.auto()

    def __repr__(self) -> str:
        return "..."


_MISSING: Any = _Missing.MISSING


class Parameter:
    """One declared parameter. `type` is known once the class is complete."""

    __slots__ = ("default", "init", "name", "type")

    def __init__(self, default: Any, init: bool) -> None:
        self.default = default
        self.init = init
        self.name = ""
        self.type: type = str

    @property
    def required(self) -> bool:
        """True where a caller must give it."""
        return self.default is _MISSING

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name


@checked
def parameter(*, default: Any = _MISSING, init: bool = True) -> Any:
    """Declare a parameter of an `@app.cls` class: `size: str = intermodal.parameter(default="small")`.

    Args:
        default: the value where a caller gives none; without it the parameter is required.
        init: False keeps it out of the constructor (it needs a default then).
    """
    if not init and default is _MISSING:
        raise InvalidError("parameter(init=False) needs a default: no caller can give its value")
    return Parameter(default, init)


def parameters_of(cls: type) -> dict[str, Parameter]:
    """The parameters of a class, inherited ones first.

    Raises:
        InvalidError: an annotation is missing or not str, int, bytes or bool, or a default is of another type.
    """
    found: dict[str, Parameter] = {}
    for klass in reversed(cls.__mro__):
        for name, value in vars(klass).items():
            if isinstance(value, Parameter):
                value.type = _annotation(klass, name)
                if not value.required:
                    _check(cls, value, value.default)
                found[name] = value
            elif name in found:
                del found[name]
    return found


def validated(cls: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """All parameter values of one object, defaults included, in declared order.

    Raises:
        InvalidError: one is unknown, missing or of the wrong type.
    """
    declared = parameters_of(cls)
    accepted = [name for name, each in declared.items() if each.init]
    for name in given:
        if name not in accepted:
            known = ", ".join(accepted) or "none"
            raise InvalidError(f"{cls.__name__} has no parameter {name!r}; its parameters are: {known}")
    values: dict[str, Any] = {}
    for name, each in declared.items():
        value = given.get(name, each.default)
        if value is _MISSING:
            raise InvalidError(f"{cls.__name__}() needs a value for its parameter {name!r} ({each.type.__name__})")
        _check(cls, each, value)
        values[name] = value
    return values


def _check(cls: type, declared: Parameter, value: Any) -> None:
    if type(value) is not declared.type:
        wanted = f"{'an' if declared.type is int else 'a'} {declared.type.__name__}"
        raise InvalidError(
            f"{cls.__name__}({declared.name}=...) takes {wanted}, got {shown(value)} of type {type(value).__name__}"
        )


def _annotation(klass: type, name: str) -> type:
    annotation = vars(klass).get("__annotations__", {}).get(name)
    if annotation is None and sys.version_info >= (3, 14):
        import annotationlib

        annotations = annotationlib.get_annotations(klass, format=annotationlib.Format.FORWARDREF)
        annotation = annotations.get(name)
    if isinstance(annotation, str):
        annotation = _TYPES.get(annotation.strip("'\" "), annotation)
    if annotation not in _TYPES.values():
        said = "no annotation" if annotation is None else f"the annotation {annotation!r}"
        raise InvalidError(
            f"parameter {klass.__name__}.{name} has {said}: annotate it with one of str, int, bytes, bool, as in "
            f"`{name}: str = intermodal.parameter()`"
        )
    assert isinstance(annotation, type)
    return annotation
