"""Detached calls of deployed apps: kept before they begin, each input with one recorded output (deploy.durable)."""

from __future__ import annotations

from intermodal.server.calls.desk import CallDesk
from intermodal.server.calls.listing import CallInput
from intermodal.server.calls.requests import CallRequests
from intermodal.server.calls.rows import Call
from intermodal.server.calls.schema import open_calls
from intermodal.server.calls.service import Calls
from intermodal.server.calls.store import CallStore
from intermodal.server.calls.writer import CallRetention

__all__ = ["Call", "CallDesk", "CallInput", "CallRequests", "CallRetention", "CallStore", "Calls", "open_calls"]
