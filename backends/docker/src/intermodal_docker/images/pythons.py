"""The Python of an image: which one it is, and how one is added where it has none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from intermodal.plugins.building import KIT, BuildSettings, StepFailed, StepRun, find_uv
from intermodal_docker.images.box import Box

__all__ = ["NO_PROGRAM", "Python", "add_python", "find_python"]

#: How a shell says that a program is not there, or is not one for this machine.
NO_PROGRAM = (126, 127)
_FOREIGN = (
    "uv, which fetches the Python, is no program for this image (another libc or kind of machine than its client's): "
    "begin with an image that has a Python, and leave add_python= out."
)
_UNFETCHED = (
    "uv could not put Python {} into the image: it fetches one from GitHub, unless UV_PYTHON_INSTALL_MIRROR names a "
    "mirror or UV_PYTHON_DOWNLOADS_JSON_URL a list of your own; or begin with an image that has a Python, and leave "
    "add_python= out."
)
_PROGRAMS = ("python3", "python")
_ASK = "import platform, sys; print(platform.python_version(), sys.executable)"
_UV = f"{KIT}/uv"
_HOME = "/usr/local/share/python"
_ADD = f"""set -e
{_UV} python install --no-progress --no-bin --install-dir {_HOME} "$1"
mkdir -p /usr/local/bin
for program in {_HOME}/*/bin/*; do ln -sf "$program" /usr/local/bin/; done
"""


@dataclass(frozen=True, slots=True)
class Python:
    """Which one, "3.11.2", and where; both "" for none."""

    version: str = ""
    program: str = ""


def find_python(box: Box) -> Python:
    """The one that programs in the image get."""
    for program in _PROGRAMS:
        told = box.ask([program, "-c", _ASK])
        if told:
            version, _, place = told.strip().rpartition("\n")[2].partition(" ")
            return Python(version, place)
    return Python()


def add_python(box: Box, version: str, settings: BuildSettings, output: Callable[[str], None]) -> None:
    """Put a standalone Python into the image. Raises `StepFailed`, with what to do."""
    run = StepRun(
        argv=("/bin/sh", "-c", _ADD, "add_python", version),
        env={**settings.env, "UV_NO_CACHE": "1", "UV_PYTHON_PREFERENCE": "only-managed"},
        mounts={_UV: find_uv(), **settings.files},
    )
    try:
        box.run(run, output)
    except StepFailed as failure:
        hint = _FOREIGN if failure.code in NO_PROGRAM else _UNFETCHED.format(version)
        raise StepFailed(failure.code, [*failure.lines, hint]) from None
