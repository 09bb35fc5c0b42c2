"""Contexts of OpenTelemetry from and to the trace that travels with a call: a `traceparent` of W3C's Trace Context."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from intermodal import current_trace_context

__all__ = ["context_of", "context_of_call", "current_traceparent", "traceparent_of"]

_PROPAGATOR = TraceContextTextMapPropagator()
_HEADER = "traceparent"


def current_traceparent() -> str:
    """That of the span which is current here; "" for none."""
    return traceparent_of(trace.get_current_span().get_span_context())


def traceparent_of(span: SpanContext) -> str:
    """Names a span; "" for one that is none."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(NonRecordingSpan(span), Context()))
    return carrier.get(_HEADER, "")


def context_of(traceparent: str) -> Context:
    """The context in which the span that it names is current; an empty one where it names none."""
    return _PROPAGATOR.extract({_HEADER: traceparent}, Context())


def context_of_call() -> Context:
    """In a container: the context in which the span of the running input's call is current. Spans of your own become
    its children with `tracer.start_as_current_span(name, context=context_of_call())`.
    """
    return context_of(current_trace_context() or "")
