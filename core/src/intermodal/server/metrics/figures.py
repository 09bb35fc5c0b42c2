"""What is counted, with the names that Prometheus shows."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from intermodal.server.metrics.bounds import Bounded

__all__ = ["Figures"]

_FUNCTION = ("environment", "app", "function")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
#: Functions, and series of METRIC lines, that have labels of their own.
_FUNCTIONS, _SERIES = 1000, 2000


class Figures:
    """Of one server: a registry of its own, so that there may be more in a process. Any thread may count."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        self.function = Bounded(_FUNCTIONS)
        self.series = Bounded(_SERIES)
        self.calls = Gauge("intermodal_calls_running", "Calls without an end yet.", _FUNCTION, registry=registry)
        self.call_seconds = Histogram(
            "intermodal_call_seconds",
            "From a call's acceptance to its last result.",
            _FUNCTION,
            registry=registry,
            buckets=_SECONDS,
        )
        self.inputs = Gauge(
            "intermodal_inputs_open",
            "Inputs of running calls that wait or run, once a call's last input is known.",
            _FUNCTION,
            registry=registry,
        )
        self.ended = Counter(
            "intermodal_inputs_ended", "Inputs by what became of them.", (*_FUNCTION, "state"), registry=registry
        )
        self.containers = Gauge(
            "intermodal_containers_running", "Containers that take inputs.", _FUNCTION, registry=registry
        )
        self.container_seconds = Histogram(
            "intermodal_container_start_seconds",
            "From a container's launch until it took inputs.",
            _FUNCTION,
            registry=registry,
            buckets=_SECONDS,
        )
        self.exits = Counter(
            "intermodal_containers_exited", "Containers by why they ended.", (*_FUNCTION, "cause"), registry=registry
        )
        self.lines = Counter("intermodal_log_lines", "Lines that containers printed.", _FUNCTION, registry=registry)
        self.metric = Gauge(
            "intermodal_metric",
            "The newest value of METRIC lines, by the name and unit in the line.",
            (*_FUNCTION, "name", "unit"),
            registry=registry,
        )
