"""A Python of this machine for containers whose image has none: mounted, with its own loader and libraries, so that
process 1 and what looks after a sandbox run whatever the image has, another libc or nothing at all."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from intermodal.exception import CapabilityNotSupported
from intermodal.plugins import BuiltImage
from intermodal.specs import HostMount

__all__ = ["BROUGHT", "brought_python", "needs_brought"]

#: Where containers see the one that is brought.
BROUGHT = "/run/intermodal-python"
#: Containers' first process needs at least this one.
_LEAST = (3, 10)
_LIBRARY = re.compile(r"(?:^|=> )\s*(/\S+) \(0x", re.MULTILINE)
#: Of the standard library, what nothing of ours imports.
_LEFT_OUT = shutil.ignore_patterns(
    *("*.a", "*.opt-?.pyc", "config-*", "dist-packages", "site-packages", "test", "tests", "turtledemo", "unittest"),
    *("distutils", "email", "ensurepip", "idlelib", "lib2to3", "multiprocessing", "pydoc_data", "tkinter", "xml"),
    *(f"{name}*.so" for name in ("_codecs_", "_curses", "_decimal", "_gdbm", "_hashlib", "_sqlite3", "_ssl")),
    *(f"{name}*.so" for name in ("_test", "_tkinter", "pyexpat", "readline", "xxlimited")),
)
#: What is imported inside, so that it is compiled here, and so that one that cannot is noticed here.
_TRIED = (
    "import array, ctypes, fcntl, json, select, shutil, socket, struct, termios, threading;"
    "socket.getaddrinfo('127.0.0.1', 1)"
)
_KEPT_S = 7 * 86_400.0


def needs_brought(image: BuiltImage) -> bool:
    """Whether a container of `image` without a guest takes the Python that is brought."""
    version = tuple(int(part) for part in re.findall(r"\d+", image.python)[:2])
    return version < _LEAST


def brought_python(home: Path) -> tuple[HostMount, Sequence[str]]:
    """What to mount, and the words that start it inside. Blocks.

    Args:
        home: a directory that keeps it, for all sessions of a data directory.

    Raises:
        CapabilityNotSupported: the Python that runs this program is none that could be brought.
    """
    program = Path(getattr(sys, "_base_executable", sys.executable) or sys.executable).resolve()
    stdlib = Path(sysconfig.get_path("stdlib"))
    marks = (program, program.stat().st_mtime_ns, stdlib, sys.version, os.uname().machine, 1)
    kept = home / hashlib.sha256(repr(marks).encode()).hexdigest()[:16]
    if not kept.exists():
        home.mkdir(parents=True, exist_ok=True)
        _forget_old(home)
        _make(kept, program, stdlib)
    os.utime(kept)
    return HostMount(source=str(kept), target=BROUGHT), _words(kept, BROUGHT)


def _make(kept: Path, program: Path, stdlib: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".making-", dir=kept.parent) as folder:
        making = Path(folder, "python")
        try:
            library = making / _place(stdlib)
            shutil.copytree(stdlib, library, ignore=_LEFT_OUT)
            for name, source in {"bin/python3": program, **_linked(program, library)}.items():
                (making / name).parent.mkdir(exist_ok=True)
                shutil.copy2(source, making / name)
            subprocess.run([*_words(making, str(making)), "-s", "-c", _TRIED], check=True, capture_output=True)
        except (OSError, shutil.Error, subprocess.CalledProcessError) as error:
            said = error.stderr.decode(errors="replace") if isinstance(error, subprocess.CalledProcessError) else error
            hint = f"the image has no Python, and this machine's ({program}) could not be brought to it: {said}"
            raise CapabilityNotSupported("exec", hint=hint) from None
        with contextlib.suppress(OSError):  # somebody else was faster
            making.rename(kept)


def _linked(program: Path, library: Path) -> Mapping[str, Path]:
    """The loader and all that the program and its modules are linked with, by the places that they get."""
    modules = library.glob("lib-dynload/*.so")
    told = subprocess.run(["ldd", program, *modules], capture_output=True, text=True, check=False).stdout
    return {f"libraries/{Path(found).name}": Path(found) for found in set(_LIBRARY.findall(told))}


def _words(here: Path, seen: str) -> Sequence[str]:
    """What starts the Python that lies `here` where it is `seen`."""
    loaders = sorted(path.name for path in (here / "libraries").glob("ld-*"))
    loading = [f"{seen}/libraries/{loaders[0]}", "--library-path", f"{seen}/libraries"] if loaders else []
    return (*loading, f"{seen}/bin/python3", "-E")


def _place(stdlib: Path) -> str:
    """Where a Python looks for its library, from the directory above its program's."""
    return f"{stdlib.parent.name}/{stdlib.name}"


def _forget_old(home: Path) -> None:
    for each in home.iterdir():
        if each.stat().st_mtime < time.time() - _KEPT_S:
            shutil.rmtree(each, ignore_errors=True)
