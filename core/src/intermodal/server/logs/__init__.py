"""What containers print, kept by the server: searched, followed, and removed when it is old (log.lines)."""

from __future__ import annotations

from intermodal.server.logs.following import Following
from intermodal.server.logs.keeping import LogKeeper
from intermodal.server.logs.levels import LEVELS
from intermodal.server.logs.parameters import query_of, whole
from intermodal.server.logs.records import LogPage, LogQuery, LogRecord
from intermodal.server.logs.routes import log_routes
from intermodal.server.logs.schema import open_logs
from intermodal.server.logs.store import LogStore
from intermodal.server.logs.writer import LogWriter, Retention

__all__ = [
    "LEVELS",
    "Following",
    "LogKeeper",
    "LogPage",
    "LogQuery",
    "LogRecord",
    "LogStore",
    "LogWriter",
    "Retention",
    "log_routes",
    "open_logs",
    "query_of",
    "whole",
]
