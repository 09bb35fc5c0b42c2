"""What has happened lately in the sessions of a server, in bounded memory: calls, containers, rates and latencies."""

from __future__ import annotations

from intermodal.server.activity.cells import Cell, Cells
from intermodal.server.activity.observing import SessionActivity
from intermodal.server.activity.records import AppSeen, CallSeen, ContainerSeen, FunctionSeen
from intermodal.server.activity.store import Activity

__all__ = ["Activity", "AppSeen", "CallSeen", "Cell", "Cells", "ContainerSeen", "FunctionSeen", "SessionActivity"]
