"""Figures of all sessions of a server for Prometheus, and what programs measure, over time."""

from __future__ import annotations

from intermodal.server.metrics.figures import Figures
from intermodal.server.metrics.keeping import SeriesKeeper
from intermodal.server.metrics.observing import SessionFigures
from intermodal.server.metrics.routes import metrics_route
from intermodal.server.metrics.series import Point, SeriesStore, Span, open_samples
from intermodal.server.metrics.series_routes import series_route

__all__ = [
    "Figures",
    "Point",
    "SeriesKeeper",
    "SeriesStore",
    "SessionFigures",
    "Span",
    "metrics_route",
    "open_samples",
    "series_route",
]
