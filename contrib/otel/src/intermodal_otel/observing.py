"""The hooks, while there is somewhere to tell."""

from __future__ import annotations

from collections.abc import Sequence

from intermodal import trace_calls_with
from intermodal.plugins import (
    CallFinished,
    CallProgress,
    CallStarted,
    Config,
    ContainerExited,
    ContainerStarted,
    InputFailed,
    PluginHost,
    hookimpl,
)
from intermodal_otel.identity import span_of_call
from intermodal_otel.propagation import current_traceparent, traceparent_of
from intermodal_otel.telemetry import Telemetry

_telemetry: Telemetry | None = None
_sessions = 0


@hookimpl
def intermodal_configure(config: Config, host: PluginHost) -> None:
    """The first session of the process opens the exporters."""
    global _telemetry, _sessions
    _sessions += 1
    if _telemetry is None:
        _telemetry = Telemetry()
    trace_calls_with(current_traceparent)


@hookimpl
def intermodal_unconfigure(config: Config) -> None:
    """What was told is sent; the last session closes them."""
    global _telemetry, _sessions
    _sessions -= 1
    if _telemetry is not None:
        _telemetry.flush()
        if not _sessions:
            trace_calls_with(None)
            _telemetry.close()
            _telemetry = None


@hookimpl
def intermodal_trace_call(call: str, trace: str) -> str:
    """The call's own span, which is made when it has ended."""
    return traceparent_of(span_of_call(call, trace))


@hookimpl
def intermodal_call_started(events: Sequence[CallStarted]) -> None:
    """Spans and figures."""
    if _telemetry is not None:
        _telemetry.calls_started(events)


@hookimpl
def intermodal_call_progress(events: Sequence[CallProgress]) -> None:
    """Figures."""
    if _telemetry is not None:
        _telemetry.calls_moved(events)


@hookimpl
def intermodal_input_failed(events: Sequence[InputFailed]) -> None:
    """Events of spans."""
    if _telemetry is not None:
        _telemetry.inputs_failed(events)


@hookimpl
def intermodal_call_finished(events: Sequence[CallFinished]) -> None:
    """Spans and figures."""
    if _telemetry is not None:
        _telemetry.calls_finished(events)


@hookimpl
def intermodal_container_started(events: Sequence[ContainerStarted]) -> None:
    """Spans and figures."""
    if _telemetry is not None:
        _telemetry.containers_started(events)


@hookimpl
def intermodal_container_exited(events: Sequence[ContainerExited]) -> None:
    """Spans and figures."""
    if _telemetry is not None:
        _telemetry.containers_exited(events)
