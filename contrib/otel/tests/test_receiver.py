"""A program that is traced, and a receiver of OTLP that hears of it."""

from __future__ import annotations

import gzip
import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

HERE = Path(__file__).parent
PROGRAM = """
import intermodal

app = intermodal.App("traced")


@app.function()
def inner(n):
    return intermodal.current_trace_context()


@app.function()
def outer(n):
    return intermodal.current_trace_context(), inner.remote(n)


@app.function()
def broken(n):
    raise LookupError("no such thing")


if __name__ == "__main__":
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    trace.set_tracer_provider(TracerProvider())
    with app.run(), trace.get_tracer("mine").start_as_current_span("mine") as mine:
        print(f"{mine.get_span_context().span_id:016x}", *outer.remote(1))
        try:
            broken.remote(1)
        except LookupError:
            pass
"""


class Received:
    """What came."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.metrics: set[str] = set()


@contextmanager
def receiver() -> Iterator[tuple[str, Received]]:
    """One at a port of this machine."""
    received = Received()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            if self.path == "/v1/traces":
                for each in ExportTraceServiceRequest.FromString(body).resource_spans:
                    received.spans += [span for scope in each.scope_spans for span in scope.spans]
            else:
                for one in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                    received.metrics |= {metric.name for scope in one.scope_metrics for metric in scope.metrics}
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    listening = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}", received
    finally:
        listening.shutdown()
        thread.join()
        listening.server_close()


def test_nested_calls_are_one_trace_from_the_programs_own_span_on(tmp_path: Path) -> None:
    """What code in containers reads is the span that the receiver gets; exceptions and metrics come, too."""
    (tmp_path / "program.py").write_text(PROGRAM)
    with receiver() as (url, received):
        environment = {
            **os.environ,
            "PYTHONPATH": str(HERE.parent / "src"),
            "INTERMODAL_PLUGINS": "intermodal_otel.plugin",
            "INTERMODAL_DATA_DIR": str(tmp_path / "data"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        }
        done = subprocess.run(
            [sys.executable, "program.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240
        )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    mine, outer, inner = done.stdout.split()
    spans = {span.name: span for span in received.spans}
    assert outer.split("-")[1:3] == [spans["traced.outer"].trace_id.hex(), spans["traced.outer"].span_id.hex()]
    assert inner.split("-")[2] == spans["traced.inner"].span_id.hex()
    assert spans["traced.outer"].parent_span_id.hex() == mine
    assert spans["traced.inner"].parent_span_id == spans["traced.outer"].span_id
    assert spans["traced.inner"].trace_id == spans["traced.outer"].trace_id
    (event,) = spans["traced.broken"].events
    attributes = {each.key: each.value.string_value for each in event.attributes}
    assert (event.name, attributes["exception.type"]) == ("exception", "LookupError")
    assert attributes["exception.stacktrace"].endswith("LookupError: no such thing\n")
    assert "start traced.outer" in spans
    assert {"intermodal.inputs", "intermodal.call.duration", "intermodal.containers"} <= received.metrics
