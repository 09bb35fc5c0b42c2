"""Who answers for named objects: the running app, the container's host, or else this process itself or its server."""

from __future__ import annotations

import functools
import importlib
from typing import Any

from intermodal.client.api import Client, current, has_current
from intermodal.client.context import in_container

__all__ = ["control_plane"]


def control_plane() -> Client:
    """The client to ask about named objects; it needs no app that runs. Raises `ConfigError`: a setting is wrong."""
    if has_current() or in_container():
        return current()
    return _remote().standing()  # type: ignore[no-any-return]


@functools.cache
def _remote() -> Any:
    # Named late and by text: this is a room that containers do not have, nor may definitions know it.
    return importlib.import_module("intermodal.remote")
