"""Two containers that share a volume, for volume.*"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import intermodal
from intermodal_conformance.apps.common import SMALL, app
from intermodal_conformance.apps.volume_steps import seen, take

__all__ = ["DATA", "First", "Second", "content", "no_bucket", "nowhere", "read_only", "volume"]

DATA = Path("/data")
volume = intermodal.Volume.from_name("conformance", create_if_missing=True)


def content(directory: Path) -> dict[str, str]:
    """What is in a directory: files with their mode and text, links with their target, by path."""
    found = {}
    for path in directory.rglob("*"):
        if path.is_symlink():
            found[str(path.relative_to(DATA))] = f"-> {os.readlink(path)}"
        elif path.is_file():
            found[str(path.relative_to(DATA))] = f"{path.stat().st_mode & 0o777:o} {path.read_text()}"
    return found


class _Site:
    """A container of its own that does what it is told."""

    @intermodal.method()
    def do(self, what: str, path: str = "", value: str = "") -> str:
        """One step at a path of the volume; what the operating system said against it."""
        place = DATA / path
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            _STEPS[what](place, value)
        except (OSError, RuntimeError) as error:
            return str(error)
        return ""

    @intermodal.method()
    def see(self, directory: str) -> dict[str, str]:
        """What it sees in a directory."""
        return content(DATA / directory)

    @intermodal.method()
    def turn(self, top: str, steps: Sequence[Any]) -> tuple[list[str], dict[str, list[str]]]:
        """Several steps of a program below `top`: what was said of each, and what is seen then."""
        return [take(DATA / top, _SYNCHRONISE, step) for step in steps], seen(DATA / top)

    @intermodal.method()
    def last_turn(self, top: str, steps: Sequence[Any], line: intermodal.Queue) -> Iterator[None]:
        """The same for steps of which the last one is the container's end. Begins when `line` says so, and tells it
        what was said."""
        yield
        line.get(partition="go")
        *others, (_, how) = steps
        line.put([take(DATA / top, _SYNCHRONISE, step) for step in others], partition="said")
        if how == "committing":
            threading.Thread(target=volume.commit, daemon=True).start()
        os.kill(os.getpid(), signal.SIGKILL)

    @intermodal.method()
    def reload_with(self, held: str, path: str) -> str:
        """What a reload says while a file is open, or the working directory is in the volume."""
        before = os.getcwd()
        try:
            if held == "file":
                with open(DATA / path):
                    volume.reload()
            else:
                os.chdir((DATA / path).parent)
                volume.reload()
        except RuntimeError as error:
            return str(error)
        finally:
            os.chdir(before)
        return ""


def _rename(place: Path, value: str) -> None:
    (DATA / value).parent.mkdir(parents=True, exist_ok=True)
    os.rename(place, DATA / value)


_SYNCHRONISE: Mapping[str, Callable[[], None]] = {"commit": volume.commit, "reload": volume.reload}
_STEPS: Mapping[str, Callable[[Path, str], object]] = {
    "write": lambda place, value: place.write_text(value),
    "rename": _rename,
    "commit": lambda place, value: volume.commit(),
    "reload": lambda place, value: volume.reload(),
    "die": lambda place, value: os.kill(os.getpid(), signal.SIGKILL),
}


@app.cls(**SMALL, volumes={"/data": volume}, max_containers=1)
class First(_Site):
    """One container."""


@app.cls(**SMALL, volumes={"/data": volume}, max_containers=1)
class Second(_Site):
    """Another one."""


@app.function(**SMALL, volumes={"/data": volume.read_only()})
def read_only(path: str) -> str:
    """What is said against writing where it is mounted read-only."""
    try:
        (DATA / path).write_text("")
    except OSError as error:
        return os.strerror(error.errno or 0)
    return ""


@app.function(**SMALL, volumes={"/data": volume})
def nowhere() -> None:
    """Refused by backends that mount no volumes."""


@app.function(**SMALL, volumes={"/bucket": intermodal.CloudBucketMount("conformance-nowhere")})
def no_bucket() -> None:
    """Refused by backends that mount no buckets."""
