"""Work that blocks, as a completion, so that it has an async twin."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from intermodal.client.completion import Completion

__all__ = ["in_thread"]

T = TypeVar("T")


def in_thread(work: Callable[[], T], name: str) -> Completion[T]:
    """Do it on a thread of its own, which ends with this process."""
    completion: Completion[T] = Completion()

    def run() -> None:
        try:
            completion.set(work())
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever asked
            completion.fail(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return completion
