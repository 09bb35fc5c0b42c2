"""Dicts and queues as `NamedObjects`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from intermodal.definitions.dicts import Dict
from intermodal.definitions.named import Objects
from intermodal.definitions.queues import Queue

__all__ = ["StateObjects"]


class StateObjects:
    """Those of one class."""

    def __init__(self, cls: type[Dict] | type[Queue]) -> None:
        self._objects: Objects[Any] = cls.objects

    def create(self, name: str, environment: str | None, *, allow_existing: bool) -> None:
        """See `NamedObjects`."""
        self._objects.create(name, environment_name=environment, allow_existing=allow_existing)

    def rows(self, environment: str | None) -> Sequence[Mapping[str, Any]]:
        """See `NamedObjects`."""
        return [
            {"name": info.name, "created": info.created_at.isoformat(timespec="seconds"), "size": info.size}
            for info in self._objects.describe(environment_name=environment)
        ]

    def delete(self, name: str, environment: str | None, *, allow_missing: bool) -> None:
        """See `NamedObjects`."""
        self._objects.delete(name, environment_name=environment, allow_missing=allow_missing)
