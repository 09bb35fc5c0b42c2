"""Users inside containers: as root there are all of them, and for an ordinary user with subordinate ids too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import app_users as m
import pytest

from intermodal_local.runtime import advice, userns

pytestmark = pytest.mark.usefixtures("running")
needs_users = pytest.mark.skipif(
    not advice.privileged() and not userns.available(), reason=f"one user only: {userns.missing()}"
)


@pytest.fixture(scope="module")
def running(data_dir: Path) -> Iterator[None]:
    """The app; of files that others own nothing is left afterwards."""
    with m.app.run():
        yield
    assert os.listdir(data_dir / "local" / "runs") == []


@needs_users
def test_files_can_be_given_to_any_user() -> None:
    """As packages do when they are installed or started."""
    assert m.owners.remote() == [(0, 0), (33, 33), (1000, 1000), (65534, 65534)]


@needs_users
def test_su_works() -> None:
    """It needs no set-user-id bit where root runs it."""
    assert m.as_another.remote() == "33\n33\nwww-data\n"


@needs_users
def test_a_server_can_step_down_from_root() -> None:
    """For good."""
    assert m.stepped_down.remote() == (33, 33, "stays")


@pytest.mark.skipif(advice.privileged() or userns.available(), reason="there are more users here")
def test_one_user_only() -> None:
    """Without subordinate ids everything in a container belongs to its root, and says so in an error."""
    with pytest.raises(OSError, match="Invalid argument"):
        m.owners.remote()
