"""Calls, inputs and containers as metrics."""

from __future__ import annotations

from opentelemetry.metrics import MeterProvider

from intermodal.plugins import CallFinished, CallProgress, CallStarted, ContainerExited, ContainerStarted

__all__ = ["Figures"]


class Figures:
    """On one thread. All have the attributes `intermodal.app` and `intermodal.function`."""

    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter("intermodal")
        self._running = meter.create_up_down_counter("intermodal.calls.running", "{call}", "Calls that run")
        self._seconds = meter.create_histogram("intermodal.call.duration", "s", "What calls took")
        self._inputs = meter.create_counter("intermodal.inputs", "{input}", "Inputs that have ended, by state")
        self._queued = meter.create_up_down_counter("intermodal.inputs.open", "{input}", "Inputs that wait or run")
        self._containers = meter.create_up_down_counter(
            "intermodal.containers", "{container}", "Those that take inputs"
        )
        self._starts = meter.create_histogram("intermodal.container.start", "s", "What starts of containers took")
        self._exits = meter.create_counter("intermodal.containers.exited", "{container}", "Those that ended, by cause")
        self._began: dict[str, float] = {}
        self._open: dict[str, int] = {}
        self._ready: set[str] = set()

    def started(self, call: CallStarted) -> None:
        """A call was accepted."""
        self._began[call.call] = call.at
        self._running.add(1, _of(call))

    def moved(self, call: CallProgress) -> None:
        """A call's inputs came or ended."""
        if call.call in self._began and call.total is not None:
            self._now_open(call, call.total - call.done)

    def finished(self, call: CallFinished) -> None:
        """A call ended."""
        began = self._began.pop(call.call, None)
        if began is None:
            return
        self._now_open(call, 0)
        self._open.pop(call.call, None)
        self._running.add(-1, _of(call))
        self._seconds.record(max(0.0, call.at - began), _of(call))
        for state in ("succeeded", "failed", "cancelled"):
            if count := getattr(call, state):
                self._inputs.add(count, {**_of(call), "state": state})

    def ready(self, container: ContainerStarted) -> None:
        """A container takes inputs."""
        self._ready.add(container.container)
        self._containers.add(1, _of(container))
        self._starts.record(container.start_s, _of(container))

    def ended(self, container: ContainerExited) -> None:
        """A container is gone."""
        if container.container in self._ready:
            self._ready.discard(container.container)
            self._containers.add(-1, _of(container))
        self._exits.add(1, {**_of(container), "cause": container.cause})

    def _now_open(self, call: CallProgress | CallFinished, count: int) -> None:
        before = self._open.get(call.call, 0)
        self._open[call.call] = count
        if count != before:
            self._queued.add(count - before, _of(call))


def _of(event: CallStarted | CallProgress | CallFinished | ContainerStarted | ContainerExited) -> dict[str, str]:
    return {"intermodal.app": event.app, "intermodal.function": event.function}
