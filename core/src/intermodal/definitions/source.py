"""The user's own source: what a container needs to import the code that was defined here (architecture.md, source).

Shipped are the modules that define functions, and every imported module under their project's root. A module of a
package brings its whole package; installed packages and the standard library stay behind.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from intermodal.definitions.files import Blobs, walk
from intermodal.definitions.naming import Place
from intermodal.specs import FileEntry, FileTree

__all__ = ["collect_source", "project_root"]

_MARKERS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", "requirements.txt")
_INSTALLED = frozenset({"site-packages", "dist-packages"})
#: Files of a package that are not Python are shipped up to this size (bytes).
_DATA_LIMIT = 1 << 20


def collect_source(places: Iterable[Place], blobs: Blobs) -> FileTree:
    """The tree to put where containers import from, with its files' content added to `blobs`."""
    places = list(places)
    modules = {place.module: place.file for place in places if place.file is not None and not place.pickled}
    roots = {project_root(place) for place in places}
    for name, file in list(_imported(roots)):
        modules.setdefault(name, file)
    entries: dict[str, FileEntry] = {}
    packages: dict[str, Path] = {}
    for name, file in modules.items():
        package = _package_of(name)
        if package is not None:
            packages.setdefault(*package)
        else:
            path = _path_of(name, file)
            entries[path] = blobs.add_file(file, path)
    for name, folder in packages.items():
        prefix = name.replace(".", "/")
        for file in _package_files(folder):
            path = f"{prefix}/{file.as_posix()}"
            entries[path] = blobs.add_file(folder / file, path)
    return FileTree(tuple(entries[path] for path in sorted(entries)))


def project_root(place: Place) -> Path:
    """The nearest directory above that looks like a project's, else the one that the module is imported from."""
    if place.file is None:
        base = Path.cwd()
    else:
        depth = place.module.count(".") + (place.file.name == "__init__.py")
        base = place.file.parents[depth] if depth < len(place.file.parents) else place.file.parent
    for folder in (base, *base.parents):
        if any((folder / marker).exists() for marker in _MARKERS):
            return folder
    return base


def _imported(roots: Iterable[Path]) -> Iterator[tuple[str, Path]]:
    prefixes = tuple({str(root).rstrip(os.sep) + os.sep for root in roots})
    library = tuple(sysconfig.get_paths()[name] + os.sep for name in ("stdlib", "platstdlib"))
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if not isinstance(file, str) or name == "__main__" or name.partition(".")[0] == "intermodal":
            continue
        if not file.startswith(prefixes):
            file = os.path.realpath(file) if file.endswith(".py") and not os.path.isabs(file) else file
            if not file.startswith(prefixes):
                continue
        if file.startswith(library) or _INSTALLED.intersection(file.split(os.sep)):
            continue
        path = Path(file)
        if path.is_file() and all(part.isidentifier() for part in name.split(".")):
            yield name, path


def _package_of(name: str) -> tuple[str, Path] | None:
    """The outermost regular package that the module is in, and its directory."""
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        prefix = ".".join(parts[:end])
        module = sys.modules.get(prefix)
        file = _init_file(module)
        if file is not None:
            return prefix, file.parent
    return None


def _init_file(module: ModuleType | None) -> Path | None:
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or not hasattr(module, "__path__"):
        return None
    path = Path(file)
    return path if path.name == "__init__.py" and path.is_file() else None


def _path_of(name: str, file: Path) -> str:
    suffix = "".join(file.suffixes) if file.suffix == ".so" else file.suffix or ".py"
    tail = "/__init__" if file.name == "__init__.py" else ""
    return name.replace(".", "/") + tail + suffix


def _package_files(folder: Path) -> Iterator[Path]:
    for file in walk(folder):
        hidden = any(part.startswith(".") for part in file.parts)
        if hidden or file.suffix in (".pyc", ".pyo") or _INSTALLED.intersection(file.parts):
            continue
        if file.suffix == ".py" or (folder / file).stat().st_size <= _DATA_LIMIT:
            yield file
