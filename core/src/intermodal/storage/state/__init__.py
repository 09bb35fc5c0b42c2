"""Queues and dicts: the host's side of `queue.*` and `dict.*`."""

from __future__ import annotations

from intermodal.storage.state.requests import Reply, RequestError
from intermodal.storage.state.service import StateService

__all__ = ["Reply", "RequestError", "StateService"]
