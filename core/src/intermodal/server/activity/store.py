"""What was seen of all apps of a server; some threads write, others read."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeAlias, TypeVar

from intermodal.server.activity.records import AppSeen, CallSeen, ContainerSeen

__all__ = ["Activity", "AppKey"]

#: Environment and name.
AppKey: TypeAlias = tuple[str, str]
T = TypeVar("T")

#: Apps that are remembered: those that something happened in last.
_APPS = 2000
#: Calls of all apps of an environment that are listed.
_RECENT = 2000


class Activity:
    """Of one server. On any thread."""

    def __init__(self) -> None:
        self._apps: OrderedDict[AppKey, AppSeen] = OrderedDict()
        self._recent: dict[str, deque[tuple[str, CallSeen]]] = {}
        self._lock = threading.Lock()

    @contextmanager
    def changing(self) -> Iterator[Callable[[AppKey], AppSeen]]:
        """Gives the records of apps, to change while nobody reads them."""
        with self._lock:
            yield self._app

    def begin(self, calls: Iterable[tuple[AppKey, CallSeen]]) -> None:
        """Calls run."""
        with self._lock:
            for app, call in calls:
                self._app(app).begin(call)
                self._recent.setdefault(app[0], deque(maxlen=_RECENT)).append((app[1], call))

    def _app(self, app: AppKey) -> AppSeen:
        found = self._apps.get(app)
        if found is not None:
            self._apps.move_to_end(app)
            return found
        found = self._apps[app] = AppSeen()
        if len(self._apps) > _APPS:
            self._apps.popitem(last=False)
        return found

    def recent(self, environment: str) -> list[tuple[str, CallSeen]]:
        """The last calls of all apps, with their apps, the newest first."""
        with self._lock:
            return list(reversed(self._recent.get(environment, ())))

    def containers(self, environment: str) -> list[tuple[str, ContainerSeen]]:
        """All that take inputs, with their apps, the newest first."""
        with self._lock:
            found = [
                (app, container)
                for (where, app), seen in self._apps.items()
                if where == environment
                for container in seen.containers.values()
            ]
        return sorted(found, key=lambda each: each[1].started, reverse=True)

    def read(self, app: AppKey, look: Callable[[AppSeen], T]) -> T:
        """What `look` says of an app while nothing changes; it is to copy what it gives."""
        with self._lock:
            return look(self._apps.get(app) or AppSeen())

    def known(self, environment: str) -> list[str]:
        """Apps of an environment that something happened in, by name."""
        with self._lock:
            return sorted(app for where, app in self._apps if where == environment)

    def find(self, call: str) -> tuple[AppKey, CallSeen] | None:
        """A call, by its id, and the app that it is of."""
        with self._lock:
            for app, seen in self._apps.items():
                found = seen.call(call)
                if found is not None:
                    return app, found
        return None
