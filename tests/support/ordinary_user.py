"""An ordinary user, made for a test where root runs it, who runs modules of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

__all__ = ["ROOT", "OrdinaryUser", "ordinary_user"]

ROOT = Path(__file__).parents[2]
#: What useradd and userdel end with while another holds the list of users, or the user's last process is ending.
_BUSY = (1, 8, 10)
#: Runs the words that follow with a /dev/fuse of their own.
_OPEN_FUSE = (
    "unshare",
    "--mount",
    "sh",
    "-ec",
    """
    place=$(mktemp -d)
    mount -t tmpfs fuse "$place"
    mknod -m 666 "$place/fuse" c 10 229
    mount --bind "$place/fuse" /dev/fuse
    umount -l "$place"
    rmdir "$place"
    exec "$@"
    """,
    "sh",
)


@dataclass(frozen=True)
class OrdinaryUser:
    """Somebody without privileges. `python` is an interpreter that everybody may run."""

    name: str
    python: str

    @property
    def home(self) -> Path:
        """Their own directory."""
        return Path("/home", self.name)

    def run(
        self, module: str, *arguments: str, cwd: Path = ROOT, fuse: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run a module with these arguments as that user; its output is captured.

        `fuse`: everybody may open /dev/fuse, as on most distributions; only this command sees it so.
        """
        settings = {
            "PYTHONPATH": ":".join(_packages()),
            "PYTHONDONTWRITEBYTECODE": "1",
            "HOME": str(self.home),
            "USER": self.name,
            "LOGNAME": self.name,
        }
        command = list(_OPEN_FUSE) if fuse else []
        command += ["setpriv", f"--reuid={self.name}", f"--regid={self.name}", "--init-groups"]
        command += ["env", *(f"{key}={value}" for key, value in settings.items())]
        command += [f"PATH={os.pathsep.join([str(Path(sys.executable).parent), os.environ['PATH']])}"] if fuse else []
        command += [self.python, "-s", "-m", module, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


@contextmanager
def ordinary_user() -> Iterator[OrdinaryUser]:
    """A new user, who is gone afterwards with all files. Skips where others may not read this checkout."""
    python = _python()
    name = f"intermodal-{os.getpid()}-{time.monotonic_ns() % 10_000}"
    _administer("useradd", "--create-home", "--shell", "/bin/sh", name)
    try:
        yield OrdinaryUser(name, python)
    finally:
        _administer("userdel", "--remove", name)


def _administer(*command: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in _BUSY or time.monotonic() > deadline:
            assert done.returncode == 0, done.stderr
            return


def _packages() -> list[str]:
    return [entry for entry in sys.path if entry.endswith(("-packages", "/src"))]


def _python() -> str:
    closed = next((entry for entry in (*_packages(), ROOT) if not _open_to_all(Path(entry))), None)
    if closed is not None:
        pytest.skip(f"others may not read {closed}")
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        if _open_to_all(Path(candidate)):
            return candidate
    pytest.skip("no interpreter of this version that others may run")


def _open_to_all(path: Path) -> bool:
    """Whether the file itself, and every directory above it, may be used by everybody."""
    real = path.resolve()
    return real.exists() and all(part.stat().st_mode & 0o001 for part in (real, *real.parents))
