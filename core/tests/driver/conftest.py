"""The backends `plain`, which is chosen, and `scripted`, installed; a data directory of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

#: Say what the backend supports.
Supporting = Callable[..., None]


@pytest.fixture(autouse=True)
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Entry points for both, and nothing of this machine's configuration."""
    info = tmp_path / "site" / "plain_backend-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plain-backend\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[intermodal.backends]\nplain = plain_backend\nscripted = scripted_backend\n"
    )
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("INTERMODAL_BACKEND", "plain")
    monkeypatch.setenv("INTERMODAL_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def supporting(monkeypatch: pytest.MonkeyPatch) -> Supporting:
    """`supporting("exec", …)`: what the backend states from now on."""
    return lambda *names: monkeypatch.setenv("INTERMODAL_PLAIN_SUPPORTS", ",".join(names))
