"""Where root runs the tests, an ordinary user, made for this, runs the other end-to-end tests as well."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
FILES = sorted(path.name for path in HERE.glob("test_*.py") if path != Path(__file__))
#: What useradd and userdel end with while another holds the list of users, or the user's last process is ending.
BUSY = (1, 8, 10)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="this is an ordinary user")


@pytest.fixture(scope="module")
def user() -> Iterator[str]:
    """The name of a new user, who is gone afterwards with all files."""
    name = f"intermodal-{os.getpid()}"
    _administer("useradd", "--create-home", "--shell", "/bin/sh", name)
    yield name
    _administer("userdel", "--remove", name)


def _administer(*command: str) -> None:
    deadline = time.monotonic() + 20
    while True:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in BUSY or time.monotonic() > deadline:
            assert done.returncode == 0, done.stderr
            return


@pytest.fixture(scope="module")
def python() -> str:
    """An interpreter of this version, and this checkout, that everybody may use."""
    path = [entry for entry in sys.path if entry.endswith(("-packages", "/src"))]
    closed = next((entry for entry in (*path, ROOT) if not _open_to_all(Path(entry))), None)
    if closed is not None:
        pytest.skip(f"others may not read {closed}")
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        if _open_to_all(Path(candidate)):
            return candidate
    pytest.skip("no interpreter of this version that others may run")


def _open_to_all(path: Path) -> bool:
    real = path.resolve()
    return real.exists() and all(part.stat().st_mode & 0o001 for part in (real, *real.parents))


@pytest.mark.timeout(1200)  # each is a whole file of tests
@pytest.mark.parametrize("file", FILES)
def test_as_an_ordinary_user(user: str, python: str, file: str) -> None:
    """The same tests, in a pytest of that user's."""
    home = f"/home/{user}"
    path = ":".join(entry for entry in sys.path if entry.endswith(("-packages", "/src")))
    settings = [f"PYTHONPATH={path}", "PYTHONDONTWRITEBYTECODE=1", f"HOME={home}", f"USER={user}", f"LOGNAME={user}"]
    as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "env", *settings]
    options = ["-q", "-p", "no:cacheprovider", f"--basetemp={home}/tests", "-m", "not one_user"]
    command = [*as_user, python, "-s", "-m", "pytest", *options, str(HERE / file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    # 5: all of them were left out
    assert done.returncode in (0, 5), f"as {user}:\n{done.stdout[-20_000:]}{done.stderr[-2000:]}"
