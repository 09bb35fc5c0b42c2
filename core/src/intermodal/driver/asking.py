"""The answer to a request of this process: at once, or from a task on an event loop of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from intermodal.client.api import Reply
from intermodal.client.completion import Completion
from intermodal.client.errors import named_error
from intermodal.exception import ConnectionError, Error
from intermodal.storage import RequestError

__all__ = ["Asked"]


class _Answer(Protocol):
    @property
    def value(self) -> Any: ...
    @property
    def segments(self) -> Sequence[Any]: ...


class Asked(Completion[Reply]):
    """A request, and (once the loop has begun it) the task that works on it.

    Args:
        post: runs something on the loop, from any thread.
    """

    __slots__ = ("_post", "work")

    def __init__(self, post: Callable[[Callable[[], Any]], None]) -> None:
        super().__init__()
        self._post = post
        self.work: list[asyncio.Task[None]] = []

    def settle_now(self, answer: Callable[[], _Answer | None]) -> bool:
        """Take the answer that is there at once; False where there is none yet, or this thread has an event loop, which
        must not wait for the disk, and whose other tasks want their turn."""
        if _has_event_loop():
            return False
        try:
            found = answer()
        except RequestError as refused:
            self.fail(_raised(refused))
            return True
        if found is not None:
            self.set(Reply(found.value, found.segments))
        return found is not None

    async def settle(self, answer: Callable[[], Awaitable[_Answer]]) -> None:
        """Wait for the answer; whatever goes wrong belongs to whoever asked."""
        try:
            found = await answer()
            self.set(Reply(found.value, found.segments))
        except RequestError as refused:
            self.fail(_raised(refused))
        except asyncio.CancelledError:
            self.fail(ConnectionError("the app has stopped"))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever asked
            self.fail(error)

    def withdraw(self) -> None:
        """The task that works on it stops, and gives back what it has taken."""
        self._post(lambda: [task.cancel() for task in self.work])


def _has_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _raised(refused: RequestError) -> Exception:
    cause = refused.__cause__
    return cause if isinstance(cause, Error) else named_error(refused.error, refused.message)
