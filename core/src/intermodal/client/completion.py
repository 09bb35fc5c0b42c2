"""One-shot completions, and the two runners that let one `async def` serve both sync and async callers.

Every blocking operation of the client is written once, as a coroutine that awaits only `Completion`s. `run_sync` blocks
this thread on each of them; `run_async` awaits each on the caller's own event loop. No event loop of ours is involved.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import asyncio
import builtins
import os
import threading
import traceback
from _thread import allocate_lock
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

from intermodal.exception import Error

__all__ = ["Completion", "run_async", "run_sync"]

T = TypeVar("T")
_Callback = Callable[[], None]
_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class Completion(Generic[T]):
    """A value or an error that arrives once, from any thread.

    `timeout` (seconds) set by the waiter bounds one wait; when it passes, the builtin `TimeoutError` is raised there
    and the completion stays valid. `unclaimed`, where it is set, gets the value if it comes, or came, after the waiter
    was cancelled: so nothing that was taken from somewhere is lost.
    """

    __slots__ = ("_abandoned", "_callbacks", "_error", "_gate", "_value", "done", "timeout", "unclaimed")

    def __init__(self) -> None:
        self.done = False
        self.timeout: float | None = None
        self.unclaimed: Callable[[T], None] | None = None
        self._abandoned = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[_Callback] | None = None
        self._gate = allocate_lock()  # guards the transition to done, held for a moment only

    def set(self, value: T) -> None:
        """Give the value. Later calls change nothing."""
        self._finish(value, None)

    def fail(self, error: BaseException) -> None:
        """Give an error instead. Later calls change nothing."""
        self._finish(None, error)

    def _finish(self, value: Any, error: BaseException | None) -> None:
        with self._gate:
            if self.done:
                return
            self._value, self._error = value, error
            self.done = True
            callbacks, self._callbacks = self._callbacks, None
            abandoned = self._abandoned
        for callback in callbacks or ():
            callback()
        if abandoned:
            self._give_back()

    def on_done(self, callback: _Callback) -> None:
        """Call `callback` once it is done: from the thread that completes it, or now."""
        with self._gate:
            if not self.done:
                if self._callbacks is None:
                    self._callbacks = []
                self._callbacks.append(callback)
                return
        callback()

    def result(self) -> T:
        """The value, or the error raised. Only once `done`."""
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[no-any-return]

    def wait(self) -> None:
        """Block this thread until done. Raises the builtin `TimeoutError` after `timeout`."""
        if self.done:
            return
        lock = allocate_lock()
        lock.acquire()
        self.on_done(lock.release)
        timeout = self.timeout
        # Short slices on the main thread are not needed: a lock acquire is interruptible by signals since Python 3.2.
        if not lock.acquire(timeout=-1 if timeout is None else min(timeout, threading.TIMEOUT_MAX)) and not self.done:
            raise builtins.TimeoutError

    async def wait_async(self) -> None:
        """Await on the running event loop until done. Raises the builtin `TimeoutError` after `timeout`."""
        if self.done:
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            try:
                loop.call_soon_threadsafe(_resolve, future)
            except RuntimeError:  # the loop is closed: nobody waits any more
                pass

        self.on_done(wake)
        try:
            await asyncio.wait_for(future, self.timeout)
        except asyncio.TimeoutError:
            if not self.done:
                raise builtins.TimeoutError from None

    def abandon(self) -> None:
        """Its waiter was cancelled."""
        with self._gate:
            self._abandoned = True
            done = self.done
        if done:
            self._give_back()
        else:
            self.withdraw()

    def withdraw(self) -> None:
        """Nobody waits any more: what works on it may stop, and must not take anything for nobody."""

    def _give_back(self) -> None:
        if self._error is None and self.unclaimed is not None:
            self.unclaimed(self._value)

    def __await__(self) -> Generator[Completion[T], None, T]:
        if not self.done:
            try:
                yield self
            except builtins.TimeoutError:
                raise
            except BaseException:
                self.abandon()
                raise
        return self.result()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def run_sync(coroutine: Coroutine[Any, None, T]) -> T:
    """Run a coroutine that awaits only completions, blocking this thread."""
    __tracebackhide__ = True  # pytest's: the caller's line is the one to show
    try:
        waiting = coroutine.send(None)
        while True:
            try:
                waiting.wait()
            except BaseException as error:  # noqa: BLE001 - the coroutine decides
                waiting = coroutine.throw(error)
            else:
                waiting = coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    except Exception as error:
        if _only_ours(error):
            error.__traceback__ = None  # and the bare `raise` adds no frame
        raise


async def run_async(coroutine: Coroutine[Any, None, T]) -> T:
    """The same on the caller's event loop; cancelling the caller's task is raised inside the coroutine."""
    __tracebackhide__ = True
    try:
        waiting = coroutine.send(None)
        while True:
            try:
                await waiting.wait_async()
            except BaseException as error:  # noqa: BLE001 - the coroutine decides
                waiting = coroutine.throw(error)
            else:
                waiting = coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    except Exception as error:
        if _only_ours(error):
            error.__traceback__ = None
        raise


def _only_ours(error: Exception) -> bool:
    """True where the way through our code says nothing: the error is for the caller to act on, or brings the remote
    traceback, and no code of the user's, such as a map's iterator, lies on the way."""
    from intermodal.client.errors import RemoteTraceback

    if not isinstance(error, Error) and not isinstance(error.__cause__, RemoteTraceback):
        return False
    return all(frame.f_code.co_filename.startswith(_PACKAGE) for frame, _ in traceback.walk_tb(error.__traceback__))
