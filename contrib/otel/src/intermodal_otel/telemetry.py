"""Providers of OpenTelemetry of our own, so that a program's are not touched, fed with what observers hear."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from intermodal.plugins import CallFinished, CallProgress, CallStarted, ContainerExited, ContainerStarted, InputFailed
from intermodal_otel.figures import Figures
from intermodal_otel.identity import ChosenIds
from intermodal_otel.spans import Spans

__all__ = ["Telemetry"]

_FLUSH_MS = 5_000


class Telemetry:
    """Of one process, whose sessions' observers each have a thread.

    Args:
        processor, reader: where spans and metrics go; default: to the OTLP endpoint of the variables `OTEL_*`.
    """

    def __init__(self, processor: SpanProcessor | None = None, reader: MetricReader | None = None) -> None:
        resource = Resource({"service.name": "intermodal"}).merge(OTELResourceDetector().detect())
        ids = ChosenIds()
        self._traces = TracerProvider(resource=resource, id_generator=ids, shutdown_on_exit=False)
        self._traces.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
        readers = [reader or PeriodicExportingMetricReader(OTLPMetricExporter())]
        self._meters = MeterProvider(readers, resource, shutdown_on_exit=False)
        self._gate = threading.Lock()
        self._spans = Spans(self._traces, ids)
        self._figures = Figures(self._meters)

    def calls_started(self, events: Sequence[CallStarted]) -> None:
        """Calls were accepted."""
        with self._gate:
            for event in events:
                self._spans.started(event)
                self._figures.started(event)

    def calls_moved(self, events: Sequence[CallProgress]) -> None:
        """Calls went on."""
        with self._gate:
            for event in events:
                self._figures.moved(event)

    def inputs_failed(self, events: Sequence[InputFailed]) -> None:
        """Inputs failed."""
        with self._gate:
            for event in events:
                self._spans.failed(event)

    def calls_finished(self, events: Sequence[CallFinished]) -> None:
        """Calls ended."""
        with self._gate:
            for event in events:
                self._spans.finished(event)
                self._figures.finished(event)

    def containers_started(self, events: Sequence[ContainerStarted]) -> None:
        """Containers take inputs."""
        with self._gate:
            for event in events:
                self._spans.ready(event)
                self._figures.ready(event)

    def containers_exited(self, events: Sequence[ContainerExited]) -> None:
        """Containers are gone."""
        with self._gate:
            self._spans.ended(events)
            for event in events:
                self._figures.ended(event)

    def flush(self) -> None:
        """Send what there is, within a few seconds."""
        self._traces.force_flush(_FLUSH_MS)
        self._meters.force_flush(_FLUSH_MS)

    def close(self) -> None:
        """Let go of the exporters."""
        self._traces.shutdown()
        self._meters.shutdown(_FLUSH_MS)
