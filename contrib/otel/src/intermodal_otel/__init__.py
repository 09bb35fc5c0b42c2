"""Intermodal for OpenTelemetry: the plugin `otel`, and contexts from and to the trace that travels with a call."""

from __future__ import annotations

from intermodal_otel.propagation import context_of_call, current_traceparent

__all__ = ["context_of_call", "current_traceparent"]
