"""Bringing one container up through the engine, on a thread: create, attach, start."""

from __future__ import annotations

import threading
from collections.abc import Callable

from intermodal_docker.engine import CreateRequest, Engine, Exec

__all__ = ["Starting"]


class Starting:
    """One container on its way up. `up`, `cancel` and `remove` block.

    Args:
        attached: is given its streams before it starts, on that thread.
    """

    def __init__(
        self,
        engine: Engine,
        request: CreateRequest,
        attached: Callable[[Exec], None],
    ) -> None:
        self._engine = engine
        self._request = request
        self._attached = attached
        self._gate = threading.Lock()
        self._cancelled = False
        self.container = ""  #: the engine's id for it

    def up(self) -> None:
        """Start it. Raises what the engine raises, and leaves nothing then."""
        self.container = self._engine.create(self._request)
        try:
            self._attached(self._engine.attach(self.container))
            with self._gate:
                if self._cancelled:
                    raise InterruptedError("cancelled")
            self._engine.start(self.container)
        except BaseException:
            self._engine.remove(self.container)
            raise

    def cancel(self) -> None:
        """If it was not started yet, it will not be."""
        with self._gate:
            self._cancelled = True
