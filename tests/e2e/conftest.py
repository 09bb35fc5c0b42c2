"""End-to-end tests: real user code through the public API on the local backend's real containers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session", autouse=True)
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory of its own, so that a test never finds what a user's work left."""
    directory = tmp_path_factory.mktemp("intermodal-data")
    os.environ["INTERMODAL_DATA_DIR"] = str(directory)
    yield directory
    del os.environ["INTERMODAL_DATA_DIR"]
