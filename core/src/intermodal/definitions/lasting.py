"""Sessions of apps that are looked up rather than run: each begins with its first use and lasts as long as this process
(app.ephemeral)."""

from __future__ import annotations

import concurrent.futures.thread
import importlib
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

from intermodal.client.api import Client, forget_session, know_session
from intermodal.client.completion import Completion
from intermodal.client.work import Work
from intermodal.definitions.output import shown
from intermodal.specs import AppSpec

__all__ = ["LastingSession", "end", "found", "opened", "session_of"]


class LastingSession:
    """It starts on a thread of its own when it is made; `client` says when it has, or why it could not.

    Args:
        app: its name.
        environment: None: as configured.
        failed: is called where it cannot start.
    """

    def __init__(self, app: str, environment: str | None, failed: Callable[[LastingSession], None]) -> None:
        self.client: Completion[Client] = Completion()
        self._app, self._environment, self._failed = app, environment, failed
        self._show = shown()
        self._session: Any = None
        threading.Thread(target=self._start, name="intermodal-lookup", daemon=True).start()

    @property
    def id(self) -> str | None:
        """As runs have one; None until it has started."""
        return None if self._session is None else f"ap-{self._session.id}"

    @property
    def over(self) -> bool:
        """Whether what it ran on is gone, a server for example: another one can still be made."""
        return self._session is not None and not self._session.open

    def close(self) -> None:
        """End it, once it has started, and everything in it."""
        self.client.wait()
        session, self._session = self._session, None
        if session is not None:
            forget_session(session.id)
            session.close()

    def forget(self) -> None:
        """It is the parent's of this process."""
        if self._session is not None:
            forget_session(self._session.id)

    def _start(self) -> None:
        try:
            session = self._entered()
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever wanted it
            self._failed(self)
            self.client.fail(error)
            return
        self._session = session
        know_session(session.id, session.client)
        self.client.set(session.client)

    def _entered(self) -> Any:
        # Named late and by text: these are rooms that containers do not have, nor may definitions know them.
        remote = importlib.import_module("intermodal.remote")
        config = importlib.import_module("intermodal.plugins").Config.load()
        if self._environment is not None:
            config = config.within(self._environment)
        output, progress = self._show
        work = Work(AppSpec(name=self._app), show_output=output, show_progress=progress)
        session = remote.session(work, config)
        return session.__enter__()


_gate = threading.Lock()
_sessions: dict[tuple[str, str | None], LastingSession] = {}
_of_parents: list[LastingSession] = []
_ends = False


def session_of(app: str, environment: str | None) -> LastingSession:
    """The session of this app in this process, which may still be starting."""
    key = (app, environment)
    with _gate:
        if key in _sessions and _sessions[key].over:
            _sessions.pop(key).forget()
        if key not in _sessions:
            _end_with_this_process()
            _sessions[key] = LastingSession(app, environment, _failed)
        return _sessions[key]


def found(app: str, environment: str | None) -> LastingSession | None:
    """It, if it has been used."""
    return _sessions.get((app, environment))


def opened(app: str | None = None) -> list[Client]:
    """The clients of those that have started, of this app or of all."""
    started = [each for (name, _), each in list(_sessions.items()) if app in (None, name) and each.id is not None]
    return [each.client.result() for each in started]


def end() -> None:
    """End all of them; a later use makes others. Done for every process at its end."""
    while True:
        with _gate:
            if not _sessions:
                return
            _, session = _sessions.popitem()
        session.close()


def _failed(session: LastingSession) -> None:
    """The next use tries again."""
    with _gate:
        for key in [key for key, each in _sessions.items() if each is session]:
            del _sessions[key]


def _end_with_this_process() -> None:
    """Once. `atexit` would be too late: before that, Python waits for the threads of all pools, and those of a session
    have work as long as it lasts. The pools' module is imported above, so this comes before its turn."""
    global _ends
    if not _ends:
        _ends = True
        threading._register_atexit(_end_after_threads)  # type: ignore[attr-defined]


def _end_after_threads() -> None:
    """The main thread has ended; other threads of the user's may still use sandboxes."""
    try:
        for thread in _others():
            thread.join()
    finally:
        end()


def _others() -> Iterable[threading.Thread]:
    pools = concurrent.futures.thread._threads_queues
    this = (threading.main_thread(), threading.current_thread())
    return [each for each in threading.enumerate() if not each.daemon and each not in this and each not in pools]


def _forget() -> None:
    """After a fork: they are the parent's, and must not even be closed here."""
    global _gate
    _gate = threading.Lock()
    for session in _sessions.values():
        session.forget()
    _of_parents.extend(_sessions.values())
    _sessions.clear()


os.register_at_fork(after_in_child=_forget)
