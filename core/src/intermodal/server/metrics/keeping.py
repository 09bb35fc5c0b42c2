"""What a session's programs measure is kept."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy.exc import SQLAlchemyError

from intermodal.plugins import Metric, hookimpl
from intermodal.server.metrics.series import SeriesStore
from intermodal.server.trouble import UNAVAILABLE

__all__ = ["SeriesKeeper"]

_log = logging.getLogger("intermodal.server")


class SeriesKeeper:
    """A plugin of a session in `environment`."""

    def __init__(self, store: SeriesStore, environment: str) -> None:
        self._store = store
        self._environment = environment

    @hookimpl
    def intermodal_metric(self, events: Sequence[Metric]) -> None:
        """Keep them; what the disk refuses is lost, and said."""
        try:
            self._store.append(self._environment, events)
        except (*UNAVAILABLE, SQLAlchemyError) as error:
            _log.error("%d values of metrics are lost: %s", len(events), error)
