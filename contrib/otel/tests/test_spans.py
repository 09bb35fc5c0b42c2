"""What is told of calls, as spans and metrics of OpenTelemetry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from intermodal.plugins import CallFinished, CallProgress, CallStarted, ContainerExited, ContainerStarted, InputFailed
from intermodal_otel.identity import span_of_call
from intermodal_otel.propagation import traceparent_of
from intermodal_otel.telemetry import Telemetry

OF = {"app": "shop", "function": "sell"}
ROOT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Told:
    """A `Telemetry` into memory."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.telemetry = Telemetry(SimpleSpanProcessor(self.exporter), self.reader)

    def call(self, call: str, trace: str = "", *, failed: int = 0, parent: str | None = None) -> str:
        """A call from begin to end; the trace inside of it."""
        inside = traceparent_of(span_of_call(call, trace))
        self.telemetry.calls_started([CallStarted(call=call, at=10.0, trace=trace, inside=inside, parent=parent, **OF)])
        for index in range(failed):
            self.telemetry.inputs_failed(
                [
                    InputFailed(
                        call=call, at=11.0, input=index, error="KeyError", message="'x'", traceback="T", attempt=2, **OF
                    )
                ]
            )
        self.telemetry.calls_finished([CallFinished(call=call, at=12.0, succeeded=2, failed=failed, **OF)])
        return inside

    def spans(self) -> dict[str, ReadableSpan]:
        """By the call, or the name."""
        spans = self.exporter.get_finished_spans()
        return {str((span.attributes or {}).get("intermodal.call", span.name)): span for span in spans}

    def figures(self) -> dict[str, Any]:
        """The data points of each metric."""
        data = self.reader.get_metrics_data()
        assert data is not None
        metrics = [metric for each in data.resource_metrics for scope in each.scope_metrics for metric in scope.metrics]
        return {metric.name: list(metric.data.data_points) for metric in metrics}


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()
    yield made
    made.telemetry.close()


def test_a_call_is_a_span_in_the_trace_that_it_was_made_in(told: Told) -> None:
    """With the number that was promised to what ran in it, so that this is its child."""
    inside = told.call("fc-1", ROOT)
    nested = told.call("fc-2", inside, parent="fc-1")
    span, child = told.spans()["fc-1"], told.spans()["fc-2"]
    assert span.parent is not None
    assert (span.parent.span_id, span.parent.trace_id) == (0xB7AD6B7169203331, 0x0AF7651916CD43DD8448EB211C80319C)
    assert traceparent_of(span.get_span_context()) == inside
    assert child.parent is not None
    assert child.parent.span_id == span.get_span_context().span_id
    assert traceparent_of(child.get_span_context()) == nested
    assert (span.name, span.start_time, span.end_time) == ("shop.sell", 10_000_000_000, 12_000_000_000)
    assert span.status.status_code is StatusCode.UNSET


def test_a_call_in_no_trace_is_the_root_of_its_own(told: Told) -> None:
    """Calls of one process share none; what comes for a trace and is none counts as none."""
    told.call("fc-1")
    told.call("fc-2", "nonsense")
    one, two = told.spans()["fc-1"], told.spans()["fc-2"]
    assert one.parent is None
    assert two.parent is None
    assert one.get_span_context().trace_id != two.get_span_context().trace_id


def test_failures_are_the_status_and_events(told: Told) -> None:
    """Each with type, message and traceback, a hundred at most."""
    told.call("fc-1", failed=3)
    told.call("fc-2", failed=150)
    span = told.spans()["fc-1"]
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "KeyError: 'x'"
    assert [event.name for event in span.events] == ["exception"] * 3
    first = span.events[0].attributes or {}
    assert (first["exception.type"], first["exception.stacktrace"], first["intermodal.input"]) == ("KeyError", "T", 0)
    assert len(told.spans()["fc-2"].events) == 100


def test_starts_of_containers_are_linked_with_the_calls_that_waited(told: Told) -> None:
    """And one that ended badly is a span in error."""
    inside = traceparent_of(span_of_call("fc-1", ""))
    told.telemetry.calls_started([CallStarted(call="fc-1", at=1.0, inside=inside, **OF)])
    told.telemetry.containers_started([ContainerStarted(container="c-1", at=3.0, start_s=1.5, **OF)])
    for asked, cause in ((True, "killed"), (False, "out_of_memory")):
        exited = ContainerExited(container="c-1", at=4.0, cause=cause, asked=asked, detail="64 MiB", **OF)
        told.telemetry.containers_exited([exited])
    spans = told.spans()
    start = spans["start shop.sell"]
    assert (start.start_time, start.end_time) == (1_500_000_000, 3_000_000_000)
    assert [traceparent_of(link.context) for link in start.links] == [inside]
    assert spans["end shop.sell"].status.description == "out_of_memory: 64 MiB"
    assert len(spans) == 2


def test_metrics_count_calls_inputs_and_containers(told: Told) -> None:
    """By function; what is open goes back to nothing."""
    told.telemetry.calls_started([CallStarted(call="fc-1", at=1.0, **OF)])
    told.telemetry.calls_moved([CallProgress(call="fc-1", done=1, total=5, **OF)])
    told.telemetry.containers_started([ContainerStarted(container="c-1", at=3.0, start_s=1.5, **OF)])
    figures = told.figures()
    assert [point.value for point in figures["intermodal.inputs.open"]] == [4]
    assert [point.value for point in figures["intermodal.calls.running"]] == [1]
    assert [point.value for point in figures["intermodal.containers"]] == [1]
    told.telemetry.calls_finished([CallFinished(call="fc-1", at=3.0, succeeded=4, failed=1, **OF)])
    told.telemetry.containers_exited([ContainerExited(container="c-1", at=4.0, cause="killed", asked=True, **OF)])
    figures = told.figures()
    for name in ("intermodal.inputs.open", "intermodal.calls.running", "intermodal.containers"):
        assert [point.value for point in figures[name]] == [0], name
    states = {point.attributes["state"]: point.value for point in figures["intermodal.inputs"]}
    assert states == {"succeeded": 4, "failed": 1}
    assert [(point.count, point.sum) for point in figures["intermodal.call.duration"]] == [(1, 2.0)]
