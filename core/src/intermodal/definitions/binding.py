"""From what a module holds under a name to the code the user wrote: functions and classes undecorated."""

from __future__ import annotations

from typing import Any

from intermodal.exception import InvalidError

__all__ = ["remember", "resolve"]

#: Functions and classes whose module-level name is bound to something else, by (module, qualname).
_remembered: dict[tuple[str, str], Any] = {}


def remember(module: str, qualname: str, raw: Any) -> None:
    """What was decorated at this place, for names that are bound to something else afterwards."""
    _remembered[module, qualname] = raw


def resolve(found: Any, qualname: str | None = None) -> Any:
    """The raw function or class.

    Args:
        found: a Function, Cls, decorated or plain function or class; with `qualname`, the module that has it.
        qualname: the qualified name to look up in the module `found`.

    Raises:
        InvalidError: the module has no such name.
        ImportError: what `with image.imports():` could not import in a container of that image.
    """
    if qualname is not None:
        found = _lookup(found, qualname)
    while not isinstance(found, type) and hasattr(type(found), "raw"):
        image = getattr(found, "image", None)
        missing = None if image is None else image.missing_import()
        if missing is not None:
            raise missing
        found = found.raw
    return found


def _lookup(module: Any, qualname: str) -> Any:
    remembered = _remembered.get((module.__name__, qualname))
    if remembered is not None:
        return remembered
    found = module
    for part in qualname.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            raise InvalidError(
                f"module {module.__name__!r} has no {qualname!r} in the container (file "
                f"{getattr(module, '__file__', None)}): define it at the top level of the module, unconditionally"
            ) from None
    return found
