"""What programs do in a container to the files of a volume; `intermodal_conformance.volume_model` is the meaning."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["seen", "take"]


def take(top: Path, synchronise: Mapping[str, Callable[[], None]], step: Sequence[Any]) -> str:
    """One step below `top`; how it was refused. `synchronise` commits, reloads and so on."""
    name, *rest = step
    os.umask(0o022)
    try:
        if name in synchronise:
            synchronise[name]()
        else:
            _STEPS[name](top / rest[0], *([top / rest[1]] if name == "rename" else rest[1:]))
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, str(error))
    except RuntimeError as error:
        return str(error)
    return ""


def seen(top: Path) -> dict[str, list[str]]:
    """All that is below `top`, by path."""
    return {str(path.relative_to(top)): _entry(path) for path in top.rglob("*")}


def _entry(path: Path) -> list[str]:
    if path.is_symlink():
        return ["link", "", ""]
    mode = f"{path.stat().st_mode & 0o777:o}"
    return ["directory", mode, ""] if path.is_dir() else ["file", mode, path.read_text()]


def _write(path: Path, text: str) -> None:
    _change(path, os.O_CREAT | os.O_TRUNC, lambda fd: os.write(fd, text.encode()))


def _append(path: Path, text: str) -> None:
    _change(path, os.O_CREAT | os.O_APPEND, lambda fd: os.write(fd, text.encode()))


def _truncate(path: Path, size: int) -> None:
    _change(path, 0, lambda fd: os.ftruncate(fd, size))


def _change(path: Path, flags: int, change: Callable[[int], object]) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | flags, 0o644)
    try:
        change(fd)
    finally:
        os.close(fd)


_STEPS: Mapping[str, Callable[..., object]] = {
    "write": _write,
    "append": _append,
    "truncate": _truncate,
    "mode": lambda path, mode: os.chmod(path, int(mode, 8)),
    "link": lambda path: os.symlink("nowhere", path),
    "mkdir": lambda path: os.mkdir(path, 0o755),
    "unlink": os.unlink,
    "rmdir": os.rmdir,
    "rename": os.rename,
}
