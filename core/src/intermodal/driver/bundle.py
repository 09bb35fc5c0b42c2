"""What is shipped into containers: the rooms that guests use, and cloudpickle (host side only)."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import py_compile
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import intermodal.exception
from intermodal.exception import BackendError

__all__ = ["files", "materialise", "remove"]

#: Rooms that user code pulls in inside a container.
_ROOMS = ("client", "definitions", "guest", "specs", "wire")

Files = list[tuple[str, Path]]


def files() -> Files:
    """What to ship: (path within the bundle, path on this host), sorted."""
    package = Path(intermodal.exception.__file__).parent
    shipped = [(f"intermodal/{path.name}", path) for path in package.glob("*.py")]
    for room in _ROOMS:
        shipped += [(f"intermodal/{path.relative_to(package).as_posix()}", path) for path in _modules(package / room)]
    shipped.append(("__main__.py", package / "guest" / "__main__.py"))  # so that `python3 DIRECTORY` is the guest
    cloudpickle = _cloudpickle()
    shipped += [(f"cloudpickle/{path.relative_to(cloudpickle).as_posix()}", path) for path in _modules(cloudpickle)]
    return sorted(shipped)


def materialise(directory: Path) -> Path:
    """The bundle as a directory `directory`/guest/HASH that never changes; made where it is not there yet.

    Any number of processes may ask at once. The second time costs a `stat` per file.
    """
    shipped = files()
    home = directory / "guest"
    note = home / f"{_stamp(shipped)}.hash"
    try:
        made = home / note.read_text()
        if made.is_dir():
            return made
    except FileNotFoundError:
        pass
    home.mkdir(parents=True, exist_ok=True)
    contents = [(name, path.read_bytes()) for name, path in shipped]
    digest = hashlib.sha256()
    for name, data in contents:
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    made = home / digest.hexdigest()[:32]
    if not made.is_dir():
        _make(made, contents)
    _write_note(note, made.name)
    return made


def remove(directory: Path, name: str) -> int:
    """Take away the bundle that `materialise` called `name`, which nobody may be using; the bytes that this frees."""
    home = directory / "guest"
    if not home.is_dir():
        return 0
    freed = sum(path.lstat().st_size for path in (home / name).rglob("*") if path.is_file())
    grave = Path(tempfile.mkdtemp(dir=home, prefix=".making-"))
    if (home / name).is_dir():
        (home / name).rename(grave / name)  # gone at once: a kill in the middle leaves no half of it
    for note in home.glob("*.hash"):
        if note.read_text() == name:
            note.unlink()
    for left in home.glob(".making-*"):  # this one, and those of kills: whoever makes one now keeps us waiting
        shutil.rmtree(left, ignore_errors=True)
    return freed


def _modules(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*.py") if "__pycache__" not in path.parts)


def _cloudpickle() -> Path:
    spec = importlib.util.find_spec("cloudpickle")
    if spec is None or spec.origin is None:
        raise BackendError("cloudpickle, which containers need, is not installed beside intermodal: install it")
    return Path(spec.origin).parent


def _stamp(shipped: Files) -> str:
    digest = hashlib.sha256()
    for name, path in shipped:
        status = path.stat()
        digest.update(f"{name}\0{path}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:32]


def _make(made: Path, contents: list[tuple[str, bytes]]) -> None:
    staging = Path(tempfile.mkdtemp(dir=made.parent, prefix=".making-"))
    try:
        staging.chmod(0o755)
        for name, data in contents:
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            # Containers cannot write here, so the byte code comes along; for the interpreter of this host it is used.
            compiled = py_compile.compile(
                str(path), dfile=name, doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
            )
            path.chmod(0o444)
            if compiled is not None:
                Path(compiled).chmod(0o444)
        try:
            staging.rename(made)
        except OSError:
            if not made.is_dir():  # else another process was faster
                raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _write_note(note: Path, text: str) -> None:
    fd, path = tempfile.mkstemp(dir=note.parent, prefix=".note-")
    with os.fdopen(fd, "w") as file:
        file.write(text)
    os.replace(path, note)
