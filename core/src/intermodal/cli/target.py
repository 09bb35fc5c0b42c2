"""`FILE[::NAME]`: what the user named on the command line, and importing it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import click

__all__ = ["Reference", "import_reference", "parse_reference"]


@dataclass(frozen=True, slots=True)
class Reference:
    """A file or a module, and perhaps a name in it."""

    place: str
    name: str | None
    is_module: bool

    @property
    def directory(self) -> Path:
        """Where the search for a project starts."""
        return Path.cwd() if self.is_module else Path(self.place).absolute().parent


def parse_reference(text: str, *, is_module: bool) -> Reference:
    """Read `PLACE[::NAME]`. Raises `click.UsageError` where there is no such file."""
    place, separator, name = text.partition("::")
    if separator and not name:
        raise click.UsageError(f"{text!r} ends with '::': write a name after it, or leave it away")
    if not is_module:
        _check_file(place)
    return Reference(place, name or None, is_module)


def _check_file(place: str) -> None:
    path = Path(place)
    if path.is_file():
        return
    if path.is_dir():
        raise click.UsageError(f"{place!r} is a directory: name a Python file in it")
    hint = ""
    if not place.endswith(".py"):
        hint = f": did you mean {place}.py?" if Path(place + ".py").is_file() else f": for a module write -m {place}"
    raise click.UsageError(f"there is no file {place!r} in {Path.cwd()}{hint}")


def import_reference(reference: Reference) -> ModuleType:
    """Import the user's code as Python would run it: its directory (`-m`: the current one) first on `sys.path`.

    Whatever the code raises passes through.
    """
    if reference.is_module:
        return _import_module(reference.place)
    path = Path(reference.place).absolute()
    if path.stem in sys.modules:
        raise click.UsageError(
            f"{reference.place!r} cannot be imported: a module {path.stem!r} is in use already. Rename the file"
        )
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise click.UsageError(f"{reference.place!r} is no Python file: its name has to end with .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _import_module(name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name + ".").startswith(error.name + "."):
            raise click.UsageError(f"there is no module {name!r} (searched from {Path.cwd()})") from None
        raise
