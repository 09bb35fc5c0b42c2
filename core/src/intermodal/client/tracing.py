"""The trace that a call belongs to: an opaque string that travels with it, for plugins and programs that trace.

What is in it is theirs to say; those of OpenTelemetry put a W3C `traceparent` there. Where nobody traces it is "", and
costs nothing. Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from intermodal.client.checking import checked
from intermodal.client.context import current_input

__all__ = ["call_in_trace", "trace_calls_with", "trace_of_call", "trace_that_came"]

#: Characters of a trace; a longer one is dropped.
_LONGEST = 512

_given: ContextVar[str] = ContextVar("intermodal_trace", default="")
_tracer: Callable[[], str] | None = None


@checked
def trace_calls_with(tracer: Callable[[], str] | None) -> None:
    """From now on `tracer` says in which trace the calling code makes a call; "" for none. For packages that trace:
    what it says reaches `intermodal_trace_call` and, inside, `current_trace_context`.

    Args:
        tracer: quick, and raises nothing; called for each call on the thread that makes it. None: nothing does.

    Raises:
        InvalidError: it cannot be called.
    """
    global _tracer
    _tracer = tracer


@contextmanager
def call_in_trace(trace: str) -> Iterator[None]:
    """Calls that are made within this are in a trace that came from elsewhere; "" for none."""
    token = _given.set(trace)
    try:
        yield
    finally:
        _given.reset(token)


def trace_of_call() -> str:
    """The trace for a call that is made here: the given one, what the tracer says, or that of the input this code works
    on."""
    found = _given.get() or (_tracer() if _tracer is not None else "")
    if not found:
        made_by = current_input()
        found = made_by.trace if made_by is not None else ""
    return trace_that_came(found)


def trace_that_came(value: Any) -> str:
    """What somebody sent for a trace, where it can be one."""
    return value if isinstance(value, str) and len(value) <= _LONGEST and value.isprintable() else ""
