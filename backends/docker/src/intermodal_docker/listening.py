"""What a container prints before its guest has streams of its own, on a thread."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any

from intermodal_docker.engine import Exec
from intermodal_docker.entrance import Printed

__all__ = ["listen"]


def listen(streams: Exec, loop: asyncio.AbstractEventLoop, printed: Printed, silent: Callable[[], None]) -> None:
    """Read `streams` until they end; the loop hears of it."""

    def call(work: Callable[..., Any], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the session is over, nobody listens
            loop.call_soon_threadsafe(work, *arguments)

    def read() -> None:
        try:
            while (piece := streams.read()) is not None:
                call(printed, *piece)
        except (OSError, ValueError):  # the engine went away
            pass
        finally:
            streams.close()
            call(silent)

    threading.Thread(target=read, daemon=True, name="intermodal-attached").start()
