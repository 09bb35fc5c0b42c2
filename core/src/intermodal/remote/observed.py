"""What a server tells of an app, fed to the observers of this process."""

from __future__ import annotations

from typing import Any

from intermodal.plugins import PluginHost
from intermodal.plugins.observations import OBSERVATIONS, ObservationKind

__all__ = ["feed"]


def feed(host: PluginHost, header: dict[str, Any]) -> None:
    """Take one "observed" frame."""
    kind: ObservationKind = header["kind"]
    if kind in OBSERVATIONS:
        host.observe(kind, [_record(OBSERVATIONS[kind], fields) for fields in header["records"]])


def _record(kind: type[Any], fields: dict[str, Any]) -> Any:
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})
