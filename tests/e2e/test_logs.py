"""log.lines with what the containers of a real program print: structured records and metrics."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

APP = """
import json
import logging
import time

import intermodal as modal

logging.basicConfig(level=logging.INFO)
logger = logging.getLogger("service")
app = modal.App("logs")


@app.function()
def structured_logging(request_id: str, data: dict) -> int:
    logger.info(json.dumps({"event": "inference_start", "request_id": request_id, "input_size": len(data)}))
    print(json.dumps({"event": "inference_complete", "text": "x" * 1_000_000}))
    started = time.time()
    print(f"METRIC latency={time.time() - started:.3f}s batch_size={len(data)}")
    return len(data)


@app.local_entrypoint()
def main() -> None:
    structured_logging.remote("r-1", {"a": 1, "b": 2})
"""
PLUGIN = """
import json
from pathlib import Path

from intermodal.plugins import hookimpl

FOUND = Path(__file__).parent / "found.jsonl"


def keep(kind, **what):
    with FOUND.open("a") as file:
        file.write(json.dumps({"kind": kind, **what}) + "\\n")


@hookimpl
def intermodal_log(events):
    for line in events:
        if line.fields is not None:
            keep("log", fields=line.fields, stream=line.stream, function=line.function, call=line.call)


@hookimpl
def intermodal_metric(events):
    for metric in events:
        keep("metric", name=metric.name, value=metric.value, unit=metric.unit, function=metric.function)
"""


def test_records_and_metrics_of_a_program(tmp_path: Path) -> None:
    """As the usage guide writes them: JSON through logging on stderr, a JSON line of a MiB, a METRIC line."""
    (tmp_path / "pyproject.toml").write_text("[tool.intermodal]\n")
    (tmp_path / "logs.py").write_text(APP)
    (tmp_path / "intermodal_plugins.py").write_text(PLUGIN)
    command = [sys.executable, "-m", "intermodal.cli", "run", "logs.py"]
    subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, timeout=120, check=True)
    found = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text().splitlines()]
    records = {item["fields"]["event"]: item for item in found if item["kind"] == "log"}
    start = records["inference_start"]
    assert start["fields"] == {"event": "inference_start", "request_id": "r-1", "input_size": 2}
    assert (start["stream"], start["function"]) == (2, "structured_logging")
    assert start["call"].startswith("fc-")
    assert len(records["inference_complete"]["fields"]["text"]) == 1_000_000
    metrics = {item["name"]: item for item in found if item["kind"] == "metric"}
    assert (metrics["latency"]["unit"], metrics["batch_size"]["value"]) == ("s", 2.0)
