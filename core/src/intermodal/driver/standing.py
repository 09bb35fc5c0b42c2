"""Named objects where no app runs: this process opens what keeps them itself, behind the same interface."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

from intermodal.client.api import Reply, nothing_runs
from intermodal.client.completion import Completion
from intermodal.driver.asking import Asked
from intermodal.driver.loop import LoopThread
from intermodal.driver.requests import STATE, in_environment
from intermodal.exception import ConnectionError
from intermodal.plugins import Config
from intermodal.storage import StateService

__all__ = ["StandingClient", "close", "standing"]


class StandingClient:
    """Implements `intermodal.client.api.Client` for what needs no container. Thread-safe.

    Args:
        config: says where the database is and which environment names belong to.
    """

    def __init__(self, config: Config) -> None:
        self._environment = config.environment
        self._state = StateService(config.data_dir)
        self._thread = LoopThread("intermodal-standing")

    def request(self, method: str, params: dict[str, Any], segments: Sequence[bytes] = ()) -> Completion[Reply]:
        """Ask about a queue, dict or volume; on the caller's own thread where that waits for nobody."""
        params = in_environment(params, self._environment)
        if method.startswith("volume."):
            from intermodal.driver.volumes.standing import standing as volumes  # loads plugins, which others do without

            return volumes().request(method, params, segments)
        asked = Asked(self._post)
        if not method.startswith(STATE):
            raise nothing_runs()
        if not asked.settle_now(lambda: self._state.at_once(method, params, segments)):
            answer = partial(self._state.handle, method, params, segments)
            self._post(lambda: asked.work.append(self._thread.loop.create_task(asked.settle(answer))))
        return asked

    def dumps(self, value: Any) -> NoReturn:
        """No calls here. Raises `InvalidError`."""
        raise nothing_runs()

    def loads(self, payload: Any) -> NoReturn:
        """No calls here. Raises `InvalidError`."""
        raise nothing_runs()

    def submit(self, *_: Any, **__: Any) -> NoReturn:
        """No calls here. Raises `InvalidError`."""
        raise nothing_runs()

    def close(self) -> None:
        """What waits fails; what is ephemeral is gone."""
        self._state.close_from_thread()
        self._thread.stop()

    def _post(self, work: Callable[[], Any]) -> None:
        try:
            self._thread.loop.call_soon_threadsafe(work)
        except RuntimeError:
            raise ConnectionError("this process ends: its queues and dicts can no longer be used") from None


_lock = threading.Lock()
_clients: list[StandingClient] = []
_of_parents: list[StandingClient] = []


def standing() -> StandingClient:
    """This process's client, made at its first use: settings that change later are not seen.

    Raises `ConfigError`.
    """
    with _lock:
        if not _clients:
            _clients.append(StandingClient(Config.load()))
        return _clients[0]


def close() -> None:
    """End it; the next use makes another. Done for every process at its end."""
    with _lock:
        if _clients:
            _clients.pop().close()


def _forget() -> None:
    """After a fork: the connection and its locks are the parent's, and must not even be closed here."""
    global _lock
    _lock = threading.Lock()
    _of_parents.extend(_clients)
    _clients.clear()


atexit.register(close)
os.register_at_fork(after_in_child=_forget)
