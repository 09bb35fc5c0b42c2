"""Functions in images of their own, for image.*"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import intermodal
from intermodal_conformance.apps.common import SMALL, app

plain = intermodal.Image.debian_slim()
first = plain.env({"A": "1", "B": "1"}).env({"B": "2"})
second = first.workdir("/root/work").env({"A": "3"})

#: A package that is small and needs no other.
PACKAGE, VERSION = "iniconfig", "2.0.0"

installed = plain.pip_install(f"{PACKAGE}=={VERSION}")
with_uv = plain.uv_pip_install(f"{PACKAGE}=={VERSION}")
with_python = intermodal.Image.debian_slim(f"{sys.version_info.major}.{sys.version_info.minor}")
#: Another one than the default.
with_other_python = intermodal.Image.debian_slim("3.12" if sys.version_info[:2] == (3, 13) else "3.13")
with_system_package = plain.apt_install("hello")
commanded = (
    plain.env({"WORD": "image"})
    .workdir("/srv/made")
    .run_commands("echo $WORD > word; echo $EXTRA >> word", "pwd >> word", env={"EXTRA": "step"})
)


def prepare(path: str, text: str = "") -> None:
    """What a build runs."""
    Path(path).write_text(f"{text} {os.environ.get('EXTRA')}")


functioned = plain.run_function(prepare, args=("/srv/prepared",), kwargs={"text": "by python"}, env={"EXTRA": "too"})
own_files = Path(__file__).parent / "files"
copied = plain.add_local_dir(own_files, "/srv/files", copy=True, ignore=["*.skip", "!kept.skip"])
mounted = plain.add_local_dir(own_files, "/root/files", ignore=["*.skip", "!kept.skip"]).add_local_file(
    own_files / "one.txt", "/root/single.txt"
)
broken = plain.run_commands("echo before the end", "exit 7")

with installed.imports():
    import iniconfig as iniconfig


def files_below(folder: str) -> dict[str, str]:
    """Paths with their content."""
    top = Path(folder)
    return {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}


def facts(names: Sequence[str]) -> dict[str, Any]:
    """What a container is like."""
    return {
        "cwd": os.getcwd(),
        "home": os.environ.get("HOME"),
        "env": {name: os.environ.get(name) for name in names},
        "python": sys.version_info[:2],
    }


@app.function(image=plain, **SMALL)
def in_plain(*names: str) -> dict[str, Any]:
    """Facts."""
    return facts(names)


@app.function(image=first, **SMALL)
def in_first(*names: str) -> dict[str, Any]:
    """Facts."""
    return facts(names)


@app.function(image=second, env={"B": "function"}, **SMALL)
def in_second(*names: str) -> dict[str, Any]:
    """Facts."""
    return facts(names)


@app.function(image=with_python, **SMALL)
def in_python(*names: str) -> dict[str, Any]:
    """Facts."""
    return facts(names)


@app.function(image=with_other_python, **SMALL)
def in_other_python() -> None:
    """Refused where the backend has one Python only."""


@app.function(image=installed, **SMALL)
def in_installed() -> str:
    """The version of what was installed."""
    from importlib.metadata import version

    return version(iniconfig.__name__)


@app.function(image=with_uv, **SMALL)
def in_with_uv() -> str:
    """The version of what was installed."""
    from importlib.metadata import version

    return version(PACKAGE)


@app.function(image=with_system_package, **SMALL)
def in_with_system_package() -> str:
    """What the installed program prints."""
    return subprocess.run(["hello"], capture_output=True, text=True, check=True).stdout


@app.function(image=commanded, **SMALL)
def in_commanded() -> list[str]:
    """What the commands wrote."""
    return Path("/srv/made/word").read_text().splitlines()


@app.function(image=functioned, **SMALL)
def in_functioned() -> str:
    """What the function wrote."""
    return Path("/srv/prepared").read_text()


@app.function(image=copied, **SMALL)
def in_copied() -> dict[str, str]:
    """What was copied."""
    return files_below("/srv/files")


@app.function(image=mounted, **SMALL)
def in_mounted() -> tuple[dict[str, str], str]:
    """What is mounted, as seen from where functions run."""
    return files_below("files"), Path("single.txt").read_text()


@app.function(image=broken, **SMALL)
def in_broken() -> None:
    """Never runs."""


@app.function(**SMALL)
def import_it(name: str) -> str | None:
    """Import a module; where it is from."""
    return getattr(__import__(name), "__file__", None)


@app.function(**SMALL)
def look_around() -> dict[str, Any]:
    """What of the host can be seen."""
    return {"path": sys.path, "home": sorted(os.listdir(os.environ["HOME"])), "env": dict(os.environ)}
