"""Deployed functions over plain HTTP: JSON in, JSON out (web.lookup)."""

from __future__ import annotations

from intermodal.server.rest.routes import rest_routes

__all__ = ["rest_routes"]
