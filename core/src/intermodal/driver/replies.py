"""The reply to a request: its answer, or a refusal that names a class of `intermodal.exception`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol, TypeVar

from intermodal.exception import Error
from intermodal.storage import RequestError

__all__ = ["Answered", "refusing", "reply_to", "withdrawn"]


class Answered(Protocol):
    """An answer: a JSON value, and segments that its owner sends along."""

    @property
    def value(self) -> Any: ...


AnsweredT = TypeVar("AnsweredT", bound=Answered)


async def reply_to(
    header: dict[str, Any],
    work: Callable[[str, dict[str, Any]], Awaitable[AnsweredT]],
    log: logging.Logger | None = None,
) -> tuple[dict[str, Any], AnsweredT | None]:
    """The header of the reply to the request with `header`, and what `work` answered, given method and parameters; None
    where it was refused. `log` hears of what nobody foresaw."""
    reply: dict[str, Any] = {"t": "reply", "id": header["id"]}
    try:
        with refusing(str(header.get("method")), log):
            answer = await work(str(header["method"]), dict(header["params"]))
    except RequestError as error:
        return {**reply, "ok": False, "error": error.error, "message": error.message}, None
    return {**reply, "ok": True, "value": answer.value}, answer


def withdrawn(header: dict[str, Any]) -> dict[str, Any]:
    """The header of the reply to a request that was withdrawn, so that whoever asked need not remember it."""
    return {"t": "reply", "id": header["id"], "ok": False, "error": "InputCancelledError", "message": ""}


@contextlib.contextmanager
def refusing(method: str, log: logging.Logger | None = None) -> Iterator[None]:
    """Whatever is wrong with a request is a `RequestError`."""
    try:
        yield
    except Error as error:
        raise RequestError(type(error).__name__, str(error)) from error
    except (KeyError, TypeError, ValueError) as error:
        raise RequestError("InvalidError", f"{method}: a parameter is missing or malformed: {error!r}") from error
    except RequestError:
        raise
    except OSError as error:
        raise RequestError(type(error).__name__, str(error)) from error
    except Exception as error:  # whoever asked waits for an answer
        if log is not None:
            log.exception("%s failed", method)
        raise RequestError("BackendError", f"{method} failed here: {type(error).__name__}: {error}") from error
