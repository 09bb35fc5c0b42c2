"""Remote errors to local exceptions: the original type where it can be rebuilt, the remote traceback chained and
readable.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import builtins
import pickle
from typing import Any

from intermodal import exception as exceptions
from intermodal.client.api import Client
from intermodal.exception import ExecutionError, SerializationError
from intermodal.wire import raised
from intermodal.wire.payload import FAILURE, failure

__all__ = ["RemoteTraceback", "Revival", "named_error", "rebuild", "unsendable"]


class RemoteTraceback(Exception):
    """The traceback of a remote exception, as text; it is that exception's `__cause__` (call.identity)."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return "\n" + self.text.rstrip()

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return type(self), (self.text,)


class Revival:
    """Pickles as an exception that is made without calling its `__init__`, whose arguments nobody knows any more.

    Args:
        args, state: what it has instead of the `args` and `__dict__` of `error`.
    """

    def __init__(
        self, error: BaseException, args: tuple[Any, ...] | None = None, state: dict[str, Any] | None = None
    ) -> None:
        self._kind = type(error)
        self._args = error.args if args is None else args
        self._state = error.__dict__ if state is None else state

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (self._kind, self._args, self._state)


def _revive(kind: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> BaseException:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(state)
    return error


def rebuild(client: Client, payload: Any) -> BaseException:
    """The exception that an ERROR payload describes (call.errors)."""
    if isinstance(payload, bytes) and payload[:1] == bytes((FAILURE,)):
        return failure(payload)
    try:
        described = raised.decode(payload)
    except (TypeError, ValueError) as error:
        return ExecutionError(f"the container reported an error that cannot be read here: {error}")
    exception: BaseException | None = None
    if described.exception is not None:
        try:
            exception = pickle.loads(described.exception)
        except Exception:  # noqa: BLE001 - its module may exist in the container only
            exception = None
    if not isinstance(exception, BaseException):
        exception = ExecutionError(f"{described.error}: {described.message}")
    exception.__cause__ = RemoteTraceback(described.traceback)
    return exception


def named_error(name: str, message: str) -> Exception:
    """The error that a refused request names: one of ours, or a builtin."""
    kind = getattr(exceptions, name, None) or getattr(builtins, name, None)
    if kind is exceptions.CapabilityNotSupported:
        return exceptions.CapabilityNotSupported.from_message(message)
    if isinstance(kind, type) and issubclass(kind, Exception):
        return kind(message)
    return exceptions.RemoteError(f"{name}: {message}")


def unsendable(arguments: Any, error: SerializationError) -> SerializationError:
    """The error that says which of a call's `arguments`, (args, kwargs), cannot be pickled (call.identity)."""
    from intermodal.wire.culprit import refused_argument

    args, kwargs = arguments
    return SerializationError(refused_argument(args, kwargs, error.__cause__ or error))
