"""What a session's observers hear is remembered for a while."""

from __future__ import annotations

import time
from collections.abc import Sequence

from intermodal.plugins import (
    CallFinished,
    CallProgress,
    CallStarted,
    Config,
    ContainerExited,
    ContainerStarted,
    InputFailed,
    hookimpl,
)
from intermodal.server.activity.records import CallSeen, ContainerSeen
from intermodal.server.activity.store import Activity, AppKey

__all__ = ["SessionActivity"]


class SessionActivity:
    """A plugin of one session in `environment`. What still runs when the session ends has ended with it."""

    def __init__(self, activity: Activity, environment: str) -> None:
        self._activity = activity
        self._environment = environment
        self._calls: dict[str, tuple[AppKey, str]] = {}
        self._containers: dict[str, AppKey] = {}

    @hookimpl
    def intermodal_call_started(self, events: Sequence[CallStarted]) -> None:
        """Calls run."""
        begun = []
        for event in events:
            app = self._environment, event.app
            self._calls[event.call] = app, event.function
            begun.append((app, CallSeen(event.call, event.function, event.at, event.parent)))
        self._activity.begin(begun)

    @hookimpl
    def intermodal_call_progress(self, events: Sequence[CallProgress]) -> None:
        """Where they stand."""
        with self._activity.changing() as seen:
            for event in events:
                call = seen((self._environment, event.app)).running.get(event.call)
                if call is not None:
                    call.succeeded = max(0, event.done - event.failed)
                    call.failed, call.running, call.total = event.failed, event.running, event.total

    @hookimpl
    def intermodal_input_failed(self, events: Sequence[InputFailed]) -> None:
        """Why they failed."""
        with self._activity.changing() as seen:
            for event in events:
                call = seen((self._environment, event.app)).call(event.call)
                if call is not None:
                    call.failure(event)

    @hookimpl
    def intermodal_call_finished(self, events: Sequence[CallFinished]) -> None:
        """Calls have ended."""
        with self._activity.changing() as seen:
            for event in events:
                self._calls.pop(event.call, None)
                app = seen((self._environment, event.app))
                app.end(event.call, event.function, event.at, event.succeeded, event.failed, event.cancelled)

    @hookimpl
    def intermodal_container_started(self, events: Sequence[ContainerStarted]) -> None:
        """Containers take inputs."""
        with self._activity.changing() as seen:
            for event in events:
                app = self._containers[event.container] = self._environment, event.app
                seen(app).containers[event.container] = ContainerSeen(
                    event.container, event.function, event.at, event.start_s, event.gpu
                )

    @hookimpl
    def intermodal_container_exited(self, events: Sequence[ContainerExited]) -> None:
        """Containers are gone; those that never took inputs, too."""
        with self._activity.changing() as seen:
            for event in events:
                self._containers.pop(event.container, None)
                app = seen((self._environment, event.app))
                container = app.containers.pop(event.container, None) or ContainerSeen(
                    event.container, event.function, event.at, 0.0, None
                )
                container.ended, container.cause, container.detail = event.at, event.cause, event.detail
                container.asked = event.asked
                app.gone.append(container)

    @hookimpl
    def intermodal_unconfigure(self, config: Config) -> None:
        """The session has ended."""
        now = time.time()
        with self._activity.changing() as seen:
            for call, (app, function) in self._calls.items():
                seen(app).end(call, function, now, 0, 0, 1)
            for container, app in self._containers.items():
                seen(app).containers.pop(container, None)
        self._calls.clear()
        self._containers.clear()
