"""Schedules of a server's deployed functions: listing, pausing, running them."""

from __future__ import annotations

import builtins
from typing import Any

from intermodal.plugins import Config
from intermodal.remote.line import asked

__all__ = ["RemoteSchedules"]


class RemoteSchedules:
    """Each method uses a connection of its own. All raise `ConfigError`, `ConnectionError`, `VersionError`, and
    `NotFoundError` for what has no schedule. An `environment` that is None is the one that is configured.
    """

    def __init__(self, config: Config) -> None:
        self._config = config

    def list(self, environment: str | None) -> builtins.list[dict[str, Any]]:
        """Each with its spec, when it comes next (Unix seconds; None: not) and its last run."""
        return builtins.list(self._ask("schedule.list", environment=environment))

    def runs(self, app: str, function: str, environment: str | None) -> builtins.list[dict[str, Any]]:
        """The newest first."""
        return builtins.list(self._ask("schedule.runs", app=app, function=function, environment=environment))

    def run(self, app: str, function: str, environment: str | None) -> str:
        """Run it now, besides its slots; the call's id."""
        return str(self._ask("schedule.run", app=app, function=function, environment=environment))

    def pause(self, app: str, function: str, environment: str | None) -> None:
        """Let no slot run."""
        self._ask("schedule.pause", app=app, function=function, environment=environment)

    def resume(self, app: str, function: str, environment: str | None) -> None:
        """Let slots run again, from the next one on."""
        self._ask("schedule.resume", app=app, function=function, environment=environment)

    def _ask(self, method: str, **params: Any) -> Any:
        return asked(self._config, method, params)
