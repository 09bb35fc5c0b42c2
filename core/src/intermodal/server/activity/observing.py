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
        for event in events:
            app = self._environment, event.app
            self._calls[event.call] = app, event.function
            self._activity.begin(app, CallSeen(event.call, event.function, event.at, event.parent))

    @hookimpl
    def intermodal_call_progress(self, events: Sequence[CallProgress]) -> None:
        """Where they stand."""
        for event in events:
            with self._activity.writing((self._environment, event.app)) as seen:
                call = seen.running.get(event.call)
                if call is not None:
                    call.succeeded = max(0, event.done - event.failed)
                    call.failed, call.running, call.total = event.failed, event.running, event.total

    @hookimpl
    def intermodal_input_failed(self, events: Sequence[InputFailed]) -> None:
        """Why they failed."""
        for event in events:
            with self._activity.writing((self._environment, event.app)) as seen:
                call = seen.call(event.call)
                if call is not None:
                    call.failure(event)

    @hookimpl
    def intermodal_call_finished(self, events: Sequence[CallFinished]) -> None:
        """Calls have ended."""
        for event in events:
            self._calls.pop(event.call, None)
            with self._activity.writing((self._environment, event.app)) as seen:
                seen.end(event.call, event.function, event.at, event.succeeded, event.failed, event.cancelled)

    @hookimpl
    def intermodal_container_started(self, events: Sequence[ContainerStarted]) -> None:
        """Containers take inputs."""
        for event in events:
            app = self._containers[event.container] = self._environment, event.app
            with self._activity.writing(app) as seen:
                seen.containers[event.container] = ContainerSeen(
                    event.container, event.function, event.at, event.start_s, event.gpu
                )

    @hookimpl
    def intermodal_container_exited(self, events: Sequence[ContainerExited]) -> None:
        """Containers are gone; those that never took inputs, too."""
        for event in events:
            self._containers.pop(event.container, None)
            with self._activity.writing((self._environment, event.app)) as seen:
                container = seen.containers.pop(event.container, None) or ContainerSeen(
                    event.container, event.function, event.at, 0.0, None
                )
                container.ended, container.cause, container.detail = event.at, event.cause, event.detail
                container.asked = event.asked
                seen.gone.append(container)

    @hookimpl
    def intermodal_unconfigure(self, config: Config) -> None:
        """The session has ended."""
        now = time.time()
        for call, (app, function) in self._calls.items():
            with self._activity.writing(app) as seen:
                seen.end(call, function, now, 0, 0, 1)
        for container, app in self._containers.items():
            with self._activity.writing(app) as seen:
                seen.containers.pop(container, None)
        self._calls.clear()
        self._containers.clear()
