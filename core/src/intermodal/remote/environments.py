"""The environments of a server: making, listing and removing them."""

from __future__ import annotations

import builtins
from typing import Any

from intermodal.plugins import Config
from intermodal.remote.line import asked

__all__ = ["RemoteEnvironments"]


class RemoteEnvironments:
    """Each method uses a connection of its own. All raise `ConfigError`, `ConnectionError`, `VersionError`."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def create(self, name: str, description: str) -> None:
        """Make one. Raises `AlreadyExistsError`, `InvalidError`."""
        asked(self._config, "environment.create", {"name": name, "description": description})

    def list(self) -> builtins.list[dict[str, Any]]:
        """By name, each with its description, when it was made (Unix seconds; 0.0: it is the server's own) and how many
        apps are live in it."""
        return builtins.list(asked(self._config, "environment.list", {}))

    def check_removable(self, name: str) -> None:
        """Raises `NotFoundError`, `InvalidError`: it is the server's own."""
        asked(self._config, "environment.removable", {"name": name})

    def delete(self, name: str, *, stop: bool) -> None:
        """Remove one; `stop` ends its apps first. Raises `NotFoundError`, `InvalidError`: apps run in it, or it is the
        server's own."""
        asked(self._config, "environment.delete", {"name": name, "stop": stop})
