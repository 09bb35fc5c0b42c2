"""The plugin `otel`. The standard variables `OTEL_*` say where to, and what the service is called; where they name no
endpoint it does nothing, and loads nothing."""

from __future__ import annotations

import os

_ENDPOINTS = tuple(f"OTEL_EXPORTER_OTLP_{kind}ENDPOINT" for kind in ("", "TRACES_", "METRICS_"))

if any(map(os.environ.get, _ENDPOINTS)) and os.environ.get("OTEL_SDK_DISABLED", "").lower() != "true":
    from intermodal_otel.observing import intermodal_call_finished as intermodal_call_finished
    from intermodal_otel.observing import intermodal_call_progress as intermodal_call_progress
    from intermodal_otel.observing import intermodal_call_started as intermodal_call_started
    from intermodal_otel.observing import intermodal_configure as intermodal_configure
    from intermodal_otel.observing import intermodal_container_exited as intermodal_container_exited
    from intermodal_otel.observing import intermodal_container_started as intermodal_container_started
    from intermodal_otel.observing import intermodal_input_failed as intermodal_input_failed
    from intermodal_otel.observing import intermodal_trace_call as intermodal_trace_call
    from intermodal_otel.observing import intermodal_unconfigure as intermodal_unconfigure
