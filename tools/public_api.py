"""usage: public_api.py: print what others build on, a line for each thing: names, signatures, fields, hooks.

`make public-api` writes it to tests/public_api.txt, and tests/test_public_api.py compares that with the code: a change
of what is public shows as a changed line in a review.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from intermodal.plugins import hookspecs
from intermodal.plugins.capabilities import CAPABILITY_ROLES

#: Modules that users and authors of plugins and backends may import; `__all__` says what of each.
MODULES = (
    "intermodal",
    "intermodal.exception",
    "intermodal.guest",
    "intermodal.plugins",
    "intermodal.plugins.building",
    "intermodal.plugins.commands",
    "intermodal.plugins.gpus",
    "intermodal.plugins.holding",
    "intermodal.plugins.mounter",
    "intermodal.plugins.openat2",
    "intermodal.plugins.outbound",
    "intermodal.plugins.processes",
    "intermodal.specs",
)
#: Longer signatures get a line for each parameter, so that a change of one shows as one line.
_WIDTH = 100


def listing() -> Iterator[str]:
    """All of it, in a stable order."""
    for name in MODULES:
        module = importlib.import_module(name)
        yield f"# {name}"
        for public in sorted(set(module.__all__) - {"__version__"}):
            yield from _thing(public, getattr(module, public))
        yield ""
    yield "# hooks"
    for name, hook in sorted(vars(hookspecs).items()):
        if name.startswith("intermodal_"):
            first = " [first result]" if hook.intermodal_spec["firstresult"] else ""
            yield f"hook {name}{_signature(hook)}{first}"
    yield ""
    yield "# capabilities"
    for name, role in sorted(CAPABILITY_ROLES.items()):
        yield f"capability {name} of {role}"


def _thing(name: str, value: Any) -> Iterator[str]:
    if inspect.ismodule(value):
        yield f"module {name}"
    elif inspect.isclass(value):
        yield from _class(name, value)
    elif inspect.isfunction(value):
        yield f"{_kind(value)} {name}{_signature(value)}"
    else:
        yield f"value {name} = {_stable(repr(value))}"


def _class(name: str, kind: type[Any]) -> Iterator[str]:
    bases = ", ".join(base.__name__ for base in kind.__bases__ if base is not object)
    yield f"class {name}{f'({bases})' if bases else ''}{_trait(kind)}"
    if dataclasses.is_dataclass(kind):
        yield from (f"    {field.name}: {field.type}{_default(field)}" for field in dataclasses.fields(kind))
    else:
        notes = inspect.get_annotations(kind).items()
        yield from (f"    {field}: {note}" for field, note in notes if not field.startswith("_"))
        if inspect.isfunction(vars(kind).get("__init__")) and not _is_protocol(kind):
            yield f"    {name}{_signature(kind.__init__, method=True)}"
    for member, value in sorted(_members(kind).items()):
        yield f"    {_member(member, value)}"


def _is_protocol(kind: type[Any]) -> bool:
    return bool(getattr(kind, "_is_protocol", False))


def _trait(kind: type[Any]) -> str:
    if dataclasses.is_dataclass(kind):
        return " [frozen]" if kind.__dataclass_params__.frozen else " [mutable]"  # type: ignore[attr-defined]
    return ""


def _members(kind: type[Any]) -> dict[str, Any]:
    """Public methods and properties, those of bases included, and how a protocol is called."""
    fields = {field.name for field in dataclasses.fields(kind)} if dataclasses.is_dataclass(kind) else set()
    found: dict[str, Any] = {}
    for base in reversed(kind.__mro__):
        if base.__module__.startswith("intermodal"):
            found |= vars(base)
    called = {"__call__"} if _is_protocol(kind) else set()
    return {
        name: value for name, value in found.items() if name in called or not (name.startswith("_") or name in fields)
    }


def _member(name: str, value: Any) -> str:
    if isinstance(value, property):
        return f"property {name} -> {getattr(value.fget, '__annotations__', {}).get('return')}"
    if isinstance(value, classmethod | staticmethod):
        function, kind = value.__func__, type(value).__name__
        return f"{kind} {_kind(function)} {name}{_signature(function, method=kind == 'classmethod')}"
    if type(value).__name__.startswith("_Dual"):  # sync, and async at .aio
        implementation = value.__wrapped__
        kind = "dual " + _kind(implementation).removeprefix("async ")
        return f"{kind} {name}{_signature(implementation, method=True)}"
    if callable(value):
        return f"{_kind(value)} {name}{_signature(value, method=True)}"
    return f"value {name} = {_stable(repr(value))}"


def _kind(function: Callable[..., Any]) -> str:
    written = inspect.unwrap(function) if inspect.isfunction(function) else function
    if inspect.isasyncgenfunction(written):
        return "async generator"
    return "async def" if inspect.iscoroutinefunction(written) else "def"


def _signature(function: Callable[..., Any], *, method: bool = False) -> str:
    found = inspect.signature(function)
    signature = found.replace(parameters=list(found.parameters.values())[int(method) :])
    text = _unquoted(str(signature))
    if len(text) <= _WIDTH:
        return text
    end = text[text.rindex(")") :] if ") -> " not in text else text[text.rindex(") -> ") :]
    return "(" + "".join(f"\n        {_unquoted(part)}," for part in _parts(signature)) + f"\n    {end}"


def _parts(signature: inspect.Signature) -> Iterator[str]:
    starred = False
    for parameter in signature.parameters.values():
        starred = starred or parameter.kind is parameter.VAR_POSITIONAL
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            starred = True
            yield "*"
        yield str(parameter)


def _unquoted(text: str) -> str:
    """Annotations as they are written: as text they come in quotes, unlike defaults."""
    return _stable(re.sub(r"""(: |-> )(['"])(.*?)\2""", r"\1\3", text))


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default is not dataclasses.MISSING:
        return f" = {_stable(repr(field.default))}"
    if field.default_factory is not dataclasses.MISSING:
        return f" = {getattr(field.default_factory, '__name__', '...')}()"
    return ""


def _stable(text: str) -> str:
    """Without addresses in memory."""
    return re.sub(r" at 0x[0-9a-f]+", "", text)


if __name__ == "__main__":
    for line in listing():
        print(line)
