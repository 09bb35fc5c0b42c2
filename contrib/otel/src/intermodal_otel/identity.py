"""The span of a call has its number before the span is made, which is when the call has ended: from the call's id, so
that whoever hears of the call, in any process, gives it the same one."""

from __future__ import annotations

from hashlib import sha256

from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.trace import SpanContext, TraceFlags, get_current_span

from intermodal_otel.propagation import context_of

__all__ = ["ChosenIds", "span_of_call"]


def span_of_call(call: str, trace: str) -> SpanContext:
    """That of a call which is made in `trace`. One that is made in none is the root of a trace of its own."""
    digest = sha256(call.encode()).digest()
    parent = get_current_span(context_of(trace)).get_span_context()
    return SpanContext(
        trace_id=parent.trace_id if parent.is_valid else int.from_bytes(digest[8:24], "big"),
        span_id=int.from_bytes(digest[:8], "big"),
        is_remote=False,
        trace_flags=parent.trace_flags if parent.is_valid else TraceFlags(TraceFlags.SAMPLED),
    )


class ChosenIds(IdGenerator):
    """Gives the next span the ids of `chosen`, and random ones where there is none. On one thread."""

    def __init__(self) -> None:
        self.chosen: SpanContext | None = None
        self._random = RandomIdGenerator()

    def generate_span_id(self) -> int:
        """Of the next span."""
        return self._random.generate_span_id() if self.chosen is None else self.chosen.span_id

    def generate_trace_id(self) -> int:
        """Of the next span, where it is a root."""
        return self._random.generate_trace_id() if self.chosen is None else self.chosen.trace_id
