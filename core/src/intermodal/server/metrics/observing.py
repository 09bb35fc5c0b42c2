"""What a session's observers hear becomes figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from intermodal.plugins import (
    CallFinished,
    CallProgress,
    CallStarted,
    Config,
    ContainerExited,
    ContainerStarted,
    LogLine,
    Metric,
    hookimpl,
)
from intermodal.server.metrics.figures import Figures

__all__ = ["SessionFigures"]


class SessionFigures:
    """A plugin of one session in `environment`. What still runs when the session ends is taken back.

    On the host's observer thread only, and at the session's end.
    """

    def __init__(self, figures: Figures, environment: str) -> None:
        self._figures = figures
        self._environment = environment
        self._calls: dict[str, tuple[float, tuple[str, ...]]] = {}
        self._open: dict[str, int] = {}
        self._containers: dict[str, tuple[str, ...]] = {}

    @hookimpl
    def intermodal_call_started(self, events: Sequence[CallStarted]) -> None:
        """Calls run."""
        for event in events:
            labels = self._labels(event.app, event.function)
            self._calls[event.call] = event.at, labels
            self._figures.calls.labels(*labels).inc()

    @hookimpl
    def intermodal_call_progress(self, events: Sequence[CallProgress]) -> None:
        """Inputs are open."""
        for event in events:
            if event.total is not None and event.call in self._calls:
                self._set_open(event.call, event.total - event.done)

    @hookimpl
    def intermodal_call_finished(self, events: Sequence[CallFinished]) -> None:
        """Calls have ended."""
        for event in events:
            begun, labels = self._calls.get(event.call, (event.at, self._labels(event.app, event.function)))
            self._forget(event.call)
            self._figures.call_seconds.labels(*labels).observe(max(0.0, event.at - begun))
            for state in ("succeeded", "failed", "cancelled"):
                if count := getattr(event, state):
                    self._figures.ended.labels(*labels, state).inc(count)

    @hookimpl
    def intermodal_container_started(self, events: Sequence[ContainerStarted]) -> None:
        """Containers run."""
        for event in events:
            labels = self._containers[event.container] = self._labels(event.app, event.function)
            self._figures.containers.labels(*labels).inc()
            self._figures.container_seconds.labels(*labels).observe(event.start_s)

    @hookimpl
    def intermodal_container_exited(self, events: Sequence[ContainerExited]) -> None:
        """Containers are gone."""
        for event in events:
            self._gone(event.container)
            self._figures.exits.labels(*self._labels(event.app, event.function), event.cause).inc()

    @hookimpl
    def intermodal_log(self, events: Sequence[LogLine]) -> None:
        """Lines were printed."""
        for (app, function), count in Counter((event.app, event.function) for event in events).items():
            self._figures.lines.labels(*self._labels(app, function)).inc(count)

    @hookimpl
    def intermodal_metric(self, events: Sequence[Metric]) -> None:
        """Programs measured something."""
        for event in events:
            function = self._labels(event.app, event.function)
            labels = self._figures.series(*function, event.name, event.unit)
            self._figures.metric.labels(*labels).set(event.value)

    @hookimpl
    def intermodal_unconfigure(self, config: Config) -> None:
        """The session has ended."""
        for call in list(self._calls):
            self._forget(call)
        for container in list(self._containers):
            self._gone(container)

    def _labels(self, app: str, function: str) -> tuple[str, ...]:
        return self._figures.function(self._environment, app, function)

    def _set_open(self, call: str, count: int) -> None:
        change = count - self._open.get(call, 0)
        self._open[call] = count
        self._figures.inputs.labels(*self._calls[call][1]).inc(change)

    def _forget(self, call: str) -> None:
        if call in self._open:
            self._set_open(call, 0)
            del self._open[call]
        if call in self._calls:
            self._figures.calls.labels(*self._calls.pop(call)[1]).dec()

    def _gone(self, container: str) -> None:
        if container in self._containers:
            self._figures.containers.labels(*self._containers.pop(container)).dec()
