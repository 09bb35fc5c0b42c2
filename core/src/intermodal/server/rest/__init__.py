"""Deployed apps over plain HTTP: functions are called, JSON in, JSON out (web.lookup), and figures are told."""

from __future__ import annotations

from intermodal.server.rest.routes import rest_routes
from intermodal.server.rest.stats import stats_route

__all__ = ["rest_routes", "stats_route"]
