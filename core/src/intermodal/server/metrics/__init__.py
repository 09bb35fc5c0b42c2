"""Figures of all sessions of a server, for Prometheus."""

from __future__ import annotations

from intermodal.server.metrics.figures import Figures
from intermodal.server.metrics.observing import SessionFigures
from intermodal.server.metrics.routes import metrics_route

__all__ = ["Figures", "SessionFigures", "metrics_route"]
