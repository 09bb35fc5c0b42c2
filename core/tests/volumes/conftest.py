"""A data directory for this process's own volumes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from intermodal.driver.volumes import standing


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where volumes are kept; the process's client opens it anew."""
    monkeypatch.setenv("INTERMODAL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(standing, "_opened", [])
    yield tmp_path / "data"
    for opened in standing._opened:
        opened.close()
