"""From HTTP to web functions: an ASGI application whose requests become calls, and a port for it (web.kinds)."""

from __future__ import annotations

from intermodal.gateway.application import Gateway
from intermodal.gateway.endpoints import Caller, Endpoint, Line, endpoints_of, urls_of
from intermodal.gateway.port import Port
from intermodal.gateway.routes import Routes
from intermodal.gateway.session import ServedSession, SessionCaller
from intermodal.gateway.uvicorn_server import uvicorn_config

__all__ = [
    "Caller",
    "Endpoint",
    "Gateway",
    "Line",
    "Port",
    "Routes",
    "ServedSession",
    "SessionCaller",
    "endpoints_of",
    "urls_of",
    "uvicorn_config",
]
