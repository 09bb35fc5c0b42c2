"""End-to-end tests: real user code through the public API on the local backend's real containers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from workplace import Workplace

HERE = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory of its own, so that a test never finds what a user's work left."""
    directory = tmp_path_factory.mktemp("intermodal-data")
    os.environ["INTERMODAL_DATA_DIR"] = str(directory)
    yield directory
    del os.environ["INTERMODAL_DATA_DIR"]


@pytest.fixture(scope="session")
def shared_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of the processes that tests start, one after another: images are made once."""
    return tmp_path_factory.mktemp("shared-data")


@pytest.fixture
def place(tmp_path: Path, shared_data: Path) -> Iterator[Workplace]:
    """A user's directory. At the end of the test nothing of what was started from it may be left."""
    directory, temporary = tmp_path / "work", tmp_path / "tmp"
    directory.mkdir()
    temporary.mkdir()
    workplace = Workplace(directory, shared_data, temporary)
    yield workplace
    try:
        workplace.leftovers.nothing_within(20)
    finally:
        workplace.leftovers.clear()
    for remembered in shared_data.glob("*.db*"):  # of a server: what is deployed would come back with the next one
        remembered.unlink()
    shutil.rmtree(directory)
