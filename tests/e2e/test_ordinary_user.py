"""Where root runs the tests, an ordinary user, made for this, runs the other end-to-end tests as well."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ordinary_user import OrdinaryUser, ordinary_user

HERE = Path(__file__).parent
FILES = sorted(path.name for path in HERE.glob("test_*.py") if path != Path(__file__))
#: Which of them mount through it.
FUSE = {"test_buckets.py"} if os.path.exists("/dev/fuse") else set()

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="this is an ordinary user")


@pytest.fixture(scope="module")
def user() -> Iterator[OrdinaryUser]:
    with ordinary_user() as made:
        yield made


@pytest.mark.timeout(1200)  # each is a whole file of tests
@pytest.mark.parametrize("file", FILES)
def test_as_an_ordinary_user(user: OrdinaryUser, file: str) -> None:
    """The same tests, in a pytest of that user's. The engines that are here are root's, and so is /dev/fuse."""
    options = ["-q", "-p", "no:cacheprovider", f"--basetemp={user.home}/tests", "-m", "not one_user and not engine"]
    done = user.run("pytest", *options, str(HERE / file), fuse=file in FUSE)
    # 5: all of them were left out
    assert done.returncode in (0, 5), f"as {user.name}:\n{done.stdout[-20_000:]}{done.stderr[-2000:]}"
