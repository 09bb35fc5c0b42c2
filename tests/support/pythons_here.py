"""This machine's own Python as a standalone one, and a list of downloads that offers it, as uv reads such lists."""

from __future__ import annotations

import json
import platform
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from served import served
from small_images import libraries_of

__all__ = ["VERSION", "libraries_of_python", "offered_python"]

VERSION = platform.python_version()
_MINOR = f"{sys.version_info.major}.{sys.version_info.minor}"
#: Of the standard library, what no program here needs.
_LEFT_OUT = ("__pycache__", "dist-packages", "ensurepip", "idlelib", "lib2to3", "site-packages", "test", "tkinter")
_KEY = f"cpython-{VERSION}-linux-{platform.machine()}-gnu"


def libraries_of_python() -> dict[str, Path]:
    """The shared libraries that it is linked with; a real standalone one brings along its own."""
    modules = [
        path for path in Path(sysconfig.get_config_var("DESTSHARED")).glob("*.so") if "_tkinter" not in path.name
    ]
    return dict(libraries_of([Path(sys.executable).resolve(), *modules]))


@contextmanager
def offered_python(directory: Path) -> Iterator[str]:
    """The address of a list that has it, on loopback, as long as this lasts. `directory` is an empty one."""
    with tarfile.open(directory / "python.tar.gz", "w:gz", compresslevel=1) as archive:
        archive.add(Path(sys.executable).resolve(), f"python/bin/python{_MINOR}")
        archive.addfile(_link("python/bin/python3", f"python{_MINOR}"))
        archive.add(sysconfig.get_path("stdlib"), f"python/lib/python{_MINOR}", filter=_wanted)
    with served(directory) as address:
        (directory / "list.json").write_text(json.dumps({_KEY: _entry(f"http://{address}/python.tar.gz")}))
        yield f"http://{address}/list.json"


def _entry(url: str) -> dict[str, object]:
    return {
        "name": "cpython",
        "arch": {"family": platform.machine(), "variant": None},
        "os": "linux",
        "libc": "gnu",
        "major": sys.version_info.major,
        "minor": sys.version_info.minor,
        "patch": sys.version_info.micro,
        "prerelease": "",
        "url": url,
        "sha256": None,
        "variant": None,
        "build": "1",
    }


def _link(name: str, target: str) -> tarfile.TarInfo:
    link = tarfile.TarInfo(name)
    link.type, link.linkname = tarfile.SYMTYPE, target
    return link


def _wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = member.name.split("/")
    return None if set(parts) & set(_LEFT_OUT) or parts[-1].endswith(".a") else member
