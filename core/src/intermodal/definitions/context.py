"""Where this code runs, and for which input (call.context)."""

from __future__ import annotations

from intermodal.client.context import current_input, in_container

__all__ = ["current_attempt", "current_function_call_id", "current_input_id", "current_trace_context", "is_local"]


def is_local() -> bool:
    """True on the caller's side, False inside a container."""
    return not in_container()


def current_input_id() -> str | None:
    """The id of the input that this code works on, the same for every attempt; None outside of one."""
    found = current_input()
    return None if found is None else found.input_id


def current_function_call_id() -> str | None:
    """The id of the call that the input belongs to; None outside of one."""
    found = current_input()
    return None if found is None else found.call


def current_attempt() -> int | None:
    """Which try of the input this is, from 1; None outside of one."""
    found = current_input()
    return None if found is None else found.attempt


def current_trace_context() -> str | None:
    """The trace that the input's call is in, for programs that trace: with `intermodal-otel` a `traceparent` of W3C
    whose parent is the call; None outside of one, and where nobody traces."""
    found = current_input()
    return (found.trace or None) if found is not None else None
