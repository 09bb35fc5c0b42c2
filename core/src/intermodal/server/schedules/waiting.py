"""Says that schedules wait for the database: once, until it works again."""

from __future__ import annotations

import logging

__all__ = ["Waiting"]

_log = logging.getLogger("intermodal.server")


class Waiting:
    """What the log was told last."""

    def __init__(self) -> None:
        self._waits = False

    def failed(self, error: Exception) -> None:
        """The database could not do what was asked of it."""
        if not self._waits:
            _log.error("schedules wait for the database: %s", error)
        self._waits = True

    def worked(self) -> None:
        """It has written something."""
        if self._waits:
            _log.warning("schedules go on: the database works again")
        self._waits = False
