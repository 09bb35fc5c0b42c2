"""Who answers for named objects: the running app, the container's host, or else this process itself or its server.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import functools
import importlib
from typing import Any

from intermodal.client.api import Client, current, has_current
from intermodal.client.context import in_container

__all__ = ["control_plane", "outside"]


def control_plane() -> Client:
    """The client to ask about named objects; it needs no app that runs. Raises `ConfigError`: a setting is wrong."""
    if has_current() or in_container():
        return current()
    return _remote().standing()  # type: ignore[no-any-return]


def outside() -> Client:
    """The client that calls deployed apps. Raises `ConfigError`: no server is configured that could have any."""
    return current() if in_container() else _remote().deployed()


@functools.cache
def _remote() -> Any:
    # Named late and by text: this is a room that containers do not have, nor may clients know it.
    return importlib.import_module("intermodal.remote")
