"""Where a function or class lives: its module and name as the container will import it (architecture.md, source)."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from intermodal.client.context import in_container
from intermodal.client.shown import shown
from intermodal.exception import InvalidError
from intermodal.specs.names import NAME_RULE, is_name

__all__ = ["Place", "check_name", "check_variables", "place_of"]

_VARIABLE = re.compile(r"[^\s=\0-\x1f\x7f]+")


@dataclass(frozen=True)
class Place:
    """`module` is the name at both ends. `pickled`: there is no source (`file` None), or none is wanted."""

    module: str
    qualname: str
    main: bool = False
    file: Path | None = None
    line: int = 0
    pickled: bool = False

    @property
    def key(self) -> str:
        """What binds calls to code (FunctionSpec.key)."""
        return f"{self.module}:{self.qualname}"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.file else f"{self.module}.{self.qualname}"


def place_of(raw: Any) -> Place:
    """Where `raw` was defined. A script run as `__main__` goes by its file's name, under which the module is then known
    here too, so that its classes keep one identity at both ends."""
    module_name = getattr(raw, "__module__", None) or "__main__"
    qualname = getattr(raw, "__qualname__", None) or type(raw).__qualname__
    module = sys.modules.get(module_name)
    line = getattr(getattr(inspect.unwrap(raw), "__code__", None), "co_firstlineno", 0)
    if module_name != "__main__" or in_container():
        return Place(module_name, qualname, file=_file_of(module, raw), line=line)
    file = _file_of(module, raw)
    if file is None or module is None:
        return Place("__main__", qualname, main=True, line=line, pickled=True)
    name = _main_name(module, file)
    sys.modules.setdefault(name, module)
    return Place(name, qualname, main=True, file=file, line=line)


def _main_name(module: ModuleType, file: Path) -> str:
    if module.__spec__ is not None and module.__spec__.name:
        return module.__spec__.name
    return re.sub(r"\W", "_", file.stem)


def _file_of(module: ModuleType | None, raw: Any) -> Path | None:
    name = getattr(module, "__file__", None)
    if name is None:
        name = getattr(getattr(inspect.unwrap(raw), "__code__", None), "co_filename", None)
        if module is not None or name is None or not name.endswith(".py"):
            return None
    path = Path(name)
    return path.resolve() if path.is_file() else None


def check_name(kind: str, name: str) -> str:
    """`name` if it can name an app, function, queue or dict. Raises `InvalidError`."""
    if not is_name(name):
        raise InvalidError(f"{shown(name)} cannot be the name of {kind}: {NAME_RULE}")
    return name


def check_variables(where: str, variables: Iterable[str]) -> None:
    """Raises `InvalidError` where one cannot be the name of an environment variable."""
    for name in variables:
        if not _VARIABLE.fullmatch(name):
            raise InvalidError(
                f"{where}: {shown(name)} cannot be the name of an environment variable: it has no spaces and no '='"
            )
