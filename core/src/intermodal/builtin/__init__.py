"""Built-in plugins: they use the hooks that any plugin has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from intermodal.builtin.metrics import MetricLines

__all__ = ["ALWAYS", "OUTPUT"]


def _storage() -> Any:
    from intermodal.storage import default

    return default


#: In every session.
ALWAYS: Mapping[str, Callable[[], Any]] = {"metrics": MetricLines, "storage": _storage}


def _logs() -> Any:
    from intermodal.builtin.logs import LogSink

    return LogSink()


def _progress() -> Any:
    from intermodal.builtin.progress import make_display

    return make_display()


#: Only where output was asked for: `enable_output()`, `intermodal run`.
OUTPUT: Mapping[str, Callable[[], Any]] = {"logs": _logs, "progress": _progress}
