"""Bringing one container up through the engine, on a thread: create, attach, start; and what it prints before its guest
has a stream of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from intermodal_docker.engine import CreateRequest, Engine, Exec, Piece

__all__ = ["Starting"]


class Starting:
    """One container on its way up. `up`, `cancel` and `remove` block.

    Args:
        printed: hears what it prints. On another thread.
        silent: hears that it prints no more: it has ended, or its guest prints elsewhere. On another thread.
    """

    def __init__(
        self,
        engine: Engine,
        request: CreateRequest,
        printed: Callable[[Piece], None],
        silent: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._request = request
        self._printed = printed
        self._silent = silent
        self._gate = threading.Lock()
        self._cancelled = False
        self.container = ""  #: the engine's id for it

    def up(self) -> None:
        """Start it. Raises what the engine raises, and leaves nothing then."""
        self.container = self._engine.create(self._request)
        try:
            attached = self._engine.attach(self.container)
            threading.Thread(target=self._listen, args=(attached,), daemon=True, name="intermodal-attached").start()
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

    def _listen(self, attached: Exec) -> None:
        try:
            while (piece := attached.read()) is not None:
                self._printed(piece)
        except (OSError, ValueError):  # the engine went away
            pass
        finally:
            attached.close()
            self._silent()
