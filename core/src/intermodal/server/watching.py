"""What the server keeps of what it observes, and shows: the lines that containers print, and figures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from starlette.routing import Route

from intermodal.plugins import Config
from intermodal.server.activity import Activity, SessionActivity
from intermodal.server.admission import Admission
from intermodal.server.logs import Following, LogKeeper, LogStore, LogWriter, Retention, log_routes, open_logs
from intermodal.server.metrics import (
    Figures,
    SeriesKeeper,
    SeriesStore,
    SessionFigures,
    metrics_route,
    open_samples,
    series_route,
)

__all__ = ["Watching"]

_DAY = 86_400.0


class Watching:
    """Of one server. Raises when it is made `OSError`, `sqlalchemy.exc.DatabaseError`: the data directory is no use."""

    def __init__(self, config: Config) -> None:
        self._retention = Retention(float(config.get("log_days")) * _DAY, int(config.get("log_bytes")))
        where = config.data_dir, str(config.get("database_url"))
        self.logs = LogStore(open_logs(*where))
        self.following = Following(self.logs)
        self._writer: LogWriter | None = None
        self.activity = Activity()
        self._figures = Figures()
        self.series = SeriesStore(open_samples(*where), self._retention.seconds)

    def open(self) -> None:
        """On the server's event loop, before the first session."""
        self.following.open()
        self._writer = LogWriter(self.logs, self._retention, self.following.written)

    def leave(self) -> None:
        """The server begins to end: who follows is let go. On the loop."""
        self.following.close()

    def close(self) -> None:
        """Keep what is left of the last session."""
        if self._writer is not None:
            self._writer.close()
        self.logs.close()
        self.series.close()

    def watchers(self, environment: str) -> Mapping[str, object]:
        """Plugins for a session."""
        assert self._writer is not None
        keeper = LogKeeper(self._writer, environment)
        return {
            "kept-logs": keeper,
            "activity": SessionActivity(self.activity, environment),
            "figures": SessionFigures(self._figures, environment),
            "series": SeriesKeeper(self.series, environment),
        }

    def routes(self, admission: Admission, environment: str, deployed: Callable[[str], Collection[str]]) -> list[Route]:
        """Where it is to be read; `environment` is that of questions that name none. `deployed`: the apps of one."""
        logs = log_routes(self.logs, self.following, admission, environment, deployed)
        series = series_route(self.series, admission, environment)
        return [*logs, series, metrics_route(self._figures, admission)]
