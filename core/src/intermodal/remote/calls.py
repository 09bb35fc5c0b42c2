"""Spawned calls at a server, for people: listing, looking, running once more, ending."""

from __future__ import annotations

import builtins
from typing import Any

from intermodal.plugins import Config
from intermodal.remote.line import asked

__all__ = ["RemoteCalls"]


class RemoteCalls:
    """Each method uses a connection of its own. All raise `ConfigError`, `ConnectionError`, `VersionError`, and
    `NotFoundError` for what is not there. An `environment` that is None is the one that is configured.
    """

    def __init__(self, config: Config) -> None:
        self._config = config

    def list(
        self, environment: str | None, app: str | None, *, failed: bool, pending: bool, limit: int
    ) -> builtins.list[dict[str, Any]]:
        """The newest first."""
        which = {"app": app, "failed": failed, "pending": pending, "limit": limit}
        return builtins.list(self._ask("call.list", environment=environment, **which))

    def show(self, call: str, environment: str | None, *, first: int, limit: int) -> dict[str, Any]:
        """A call with `limit` of its inputs from `first` on."""
        return dict(self._ask("call.show", call=call, environment=environment, first=first, limit=limit))

    def retry(self, call: str, environment: str | None, index: int | None) -> builtins.list[int]:
        """Run inputs that have failed once more; which. Raises `InvalidError`: none has."""
        return builtins.list(self._ask("call.retry", call=call, environment=environment, index=index))

    def end(self, call: str, environment: str | None) -> None:
        """Cancel what has no result."""
        self._ask("call.end", call=call, environment=environment)

    def _ask(self, method: str, **params: Any) -> Any:
        return asked(self._config, method, params)
