"""A plugin that keeps what observers hear of containers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

__all__ = ["recording"]

_PLUGIN = """
from intermodal.plugins import hookimpl
containers, notices, texts = [], [], []

@hookimpl
def intermodal_container_started(events):
    containers.extend(event.container for event in events)

@hookimpl
def intermodal_container_exited(events):
    containers.extend(event.container for event in events)

@hookimpl
def intermodal_notice(events):
    notices.extend(event.message for event in events)

@hookimpl
def intermodal_log(events):
    texts.extend(event.text for event in events)
"""


def recording(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Load it into sessions from now on; what it has heard then: `containers` by id, `notices`, `texts` of logs.

    `folder`: the test's own.
    """
    name = f"recorder_{folder.name}".replace("-", "_")
    monkeypatch.syspath_prepend(str(folder))
    (folder / f"{name}.py").write_text(_PLUGIN)
    monkeypatch.setenv("INTERMODAL_PLUGINS", name)
    return lambda: sys.modules[name]
