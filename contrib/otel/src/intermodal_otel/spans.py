"""Calls and starts of containers as spans."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from intermodal.plugins import CallFinished, CallStarted, ContainerExited, ContainerStarted, InputFailed
from intermodal_otel.identity import ChosenIds, span_of_call
from intermodal_otel.propagation import context_of

__all__ = ["Spans"]

#: Calls that may be open at once; beyond, the oldest have no span. Events of one span.
_OPEN, _EVENTS = 100_000, 100
#: Calls that a start of a container is linked with: those of its function that were waiting.
_LINKS = 20


class Spans:
    """On one thread. A span is made when what it is of has ended.

    Args:
        ids: what `provider` numbers spans with.
    """

    def __init__(self, provider: TracerProvider, ids: ChosenIds) -> None:
        self._tracer = provider.get_tracer("intermodal")
        self._ids = ids
        self._calls: OrderedDict[str, tuple[CallStarted, list[InputFailed]]] = OrderedDict()
        self._waiting: dict[tuple[str, str], deque[SpanContext]] = {}

    def started(self, call: CallStarted) -> None:
        """A call was accepted."""
        self._calls[call.call] = call, []
        if len(self._calls) > _OPEN:
            self._calls.popitem(last=False)
        waiting = self._waiting.setdefault((call.app, call.function), deque(maxlen=_LINKS))
        waiting.append(span_of_call(call.call, call.trace))

    def failed(self, failed: InputFailed) -> None:
        """An input of a call failed."""
        known = self._calls.get(failed.call)
        if known is not None and len(known[1]) < _EVENTS:
            known[1].append(failed)

    def finished(self, call: CallFinished) -> None:
        """A call ended: its span is whole."""
        known = self._calls.pop(call.call, None)
        if known is None:
            return
        started, failures = known
        self._ids.chosen = span_of_call(call.call, started.trace)
        try:
            span = self._tracer.start_span(
                f"{call.app}.{call.function}",
                context_of(started.trace),
                SpanKind.SERVER if started.trace else SpanKind.INTERNAL,
                start_time=_ns(started.at),
                attributes={
                    "intermodal.app": call.app,
                    "intermodal.function": call.function,
                    "intermodal.call": call.call,
                    "intermodal.inputs.succeeded": call.succeeded,
                    "intermodal.inputs.failed": call.failed,
                    "intermodal.inputs.cancelled": call.cancelled,
                },
            )
        finally:
            self._ids.chosen = None
        for failed in failures:
            span.add_event("exception", _exception(failed), _ns(failed.at))
        if call.failed:
            last = f"{failures[-1].error}: {failures[-1].message}" if failures else "inputs failed"
            span.set_status(Status(StatusCode.ERROR, last[:1000]))
        span.end(_ns(call.at))

    def ready(self, container: ContainerStarted) -> None:
        """A container takes inputs: its start was a span, linked with the calls that it may be for."""
        calls = self._waiting.pop((container.app, container.function), ())
        span = self._tracer.start_span(
            f"start {container.app}.{container.function}",
            context_of(""),
            SpanKind.INTERNAL,
            links=[Link(call) for call in calls],
            start_time=_ns(container.at - container.start_s),
            attributes={
                "intermodal.app": container.app,
                "intermodal.function": container.function,
                "intermodal.container": container.container,
                **({"intermodal.gpu": container.gpu} if container.gpu else {}),
            },
        )
        span.end(_ns(container.at))

    def ended(self, events: Sequence[ContainerExited]) -> None:
        """Containers that ended badly are spans of no length, in error."""
        for exited in events:
            if exited.asked or (exited.cause == "exited" and not exited.code):
                continue
            span = self._tracer.start_span(
                f"end {exited.app}.{exited.function}",
                context_of(""),
                start_time=_ns(exited.at),
                attributes={"intermodal.container": exited.container, "intermodal.cause": exited.cause},
            )
            span.set_status(Status(StatusCode.ERROR, f"{exited.cause}: {exited.detail}"[:1000]))
            span.end(_ns(exited.at))


def _exception(failed: InputFailed) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "exception.type": failed.error,
        "exception.message": failed.message,
        "intermodal.input": failed.input,
        "intermodal.attempt": failed.attempt,
    }
    if failed.traceback:
        attributes["exception.stacktrace"] = failed.traceback
    if failed.container:
        attributes["intermodal.container"] = failed.container
    return attributes


def _ns(at: float) -> int:
    return int(at * 1e9)
