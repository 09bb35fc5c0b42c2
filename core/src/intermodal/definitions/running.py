"""One run of an app: its session, as a context manager, sync and async (app.ephemeral)."""

from __future__ import annotations

import asyncio
import importlib
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from intermodal.client.api import Client, forget_session, know_session, set_current
from intermodal.client.context import in_container
from intermodal.client.pickling import send_main_by_value
from intermodal.definitions.lowering import LoweredImage, lower
from intermodal.definitions.output import shown
from intermodal.definitions.schedules import warn_of_schedules
from intermodal.exception import InvalidError

if TYPE_CHECKING:
    from intermodal.definitions.app import App

__all__ = ["Run", "running"]

_running: list[Run] = []


def running() -> Run | None:
    """The run of this process that began last and goes on."""
    return _running[-1] if _running else None


class Run:
    """`with app.run():` and `async with app.run():`. Entering starts the session and gives the app."""

    def __init__(
        self,
        app: App,
        *,
        backend: str | None = None,
        show_output: bool | None = None,
        show_progress: bool | None = None,
        detach: bool = False,
    ) -> None:
        output, progress = shown()
        self._app = app
        self._backend = backend
        self._detach = detach
        self._show_output = output if show_output is None else show_output
        self._show_progress = progress if show_progress is None else show_progress
        self.name = ""  #: of the app, where it has run
        self._session: Any = None
        self._client: Client | None = None

    @property
    def id(self) -> str:
        """The id of the session."""
        return "" if self._session is None else f"ap-{self._session.id}"

    @property
    def open(self) -> bool:
        """Whether it runs: it was entered and not left, and where it runs at a server that is still there."""
        return self._session is not None and bool(self._session.open)

    def __enter__(self) -> App:
        if in_container():
            raise InvalidError(
                "app.run() inside a container: functions call each other there without it. At the top level of a file, "
                "put it under `if __name__ == '__main__':`"
            )
        if self._app.current_run is not None:
            raise InvalidError(f"{self._app!r} is running already: leave the first `with app.run():` block before")
        warn_of_schedules(self._app.registered)
        lowered = lower(self._app)
        # Named late and by text: these are rooms that containers do not have, nor may definitions know them.
        remote = importlib.import_module("intermodal.remote")
        plugins = importlib.import_module("intermodal.plugins")
        config = plugins.Config.load(command_line=None if self._backend is None else {"backend": self._backend})
        if lowered.by_value:
            send_main_by_value(True)
        work = replace(lowered, show_output=self._show_output, show_progress=self._show_progress)
        session = remote.session(work, config, detach=self._detach)
        session.__enter__()
        self._session, self._client = session, session.client
        self.name = work.app.name
        set_current(self._client)
        know_session(session.id, session.client)
        self._app.running(self)
        _running.append(self)
        return self._app

    def let_go(self) -> None:
        """This process is about to end, and a detached app goes on, with all that this waits for. In a signal's
        handler, too."""
        if self._detach and self._session is not None:
            self._session.let_go()

    def build(self, image: LoweredImage) -> str:
        """Build an image in this run. Its id. Raises what building raises."""
        built: str = self._session.build(image.spec, image.blobs, image.secrets).id
        return built

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        _running.remove(self)
        set_current(None, self._client)
        forget_session(session.id)
        self._app.running(None)
        session.__exit__(kind, error, traceback)

    async def __aenter__(self) -> App:
        return await asyncio.to_thread(self.__enter__)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.shield(asyncio.to_thread(self.__exit__, kind, error, traceback))
