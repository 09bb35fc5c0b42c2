"""Writing one after the other what the database refuses together: one row that it never takes holds nothing else up."""

from __future__ import annotations

import logging

from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from intermodal.driver.keeping import Verdict
from intermodal.exception import NotFoundError, RemoteError
from intermodal.server.calls.limits import failing
from intermodal.server.calls.rows import Fresh, Recorded
from intermodal.server.calls.store import CallStore
from intermodal.server.trouble import UNAVAILABLE

__all__ = ["accept", "end", "may_pass", "record"]

_log = logging.getLogger("intermodal.server")

_PASSING = (*UNAVAILABLE, PoolTimeoutError, MemoryError)


def may_pass(error: Exception) -> bool:
    """Whether the same may be taken another time."""
    return isinstance(error, _PASSING)


def accept(store: CallStore, call: Fresh) -> Verdict:
    """What becomes of a call."""
    try:
        (verdict,) = store.write([call], [], [])
    except Exception as error:  # noqa: BLE001 - whatever it is, who made the call hears of it
        if may_pass(error):
            return error
        _log.error("call %s of %r is refused: %s", call.id, call.app, error, exc_info=error)
        return RemoteError(f"the call cannot be kept, so it does not run: the database refuses it ({_why(error)})")
    return verdict


def record(store: CallStore, outputs: Recorded) -> None:
    """Those that are refused for good are kept as failed. Raises where the database takes not even that."""
    try:
        store.write([], [outputs], [])
    except NotFoundError as error:
        _log.error("outputs are not kept: %s", error)
    except Exception as error:
        if may_pass(error):
            raise
        if len(outputs.indices) > 1:
            for half in outputs.halves():
                record(store, half)
            return
        _log.error("output %d of call %s is refused: %s", outputs.indices[0], outputs.call, error)
        why = f"the result cannot be kept: the database refuses it ({_why(error)})"
        store.write([], [failing(outputs, "RemoteError", why)], [])


def end(store: CallStore, call: str) -> None:
    """All outputs of a call may be there. Raises where the database does not take that."""
    try:
        store.write([], [], [call])
    except NotFoundError as error:
        _log.error("the end of a call is not kept: %s", error)


def _why(error: Exception) -> str:
    """Without the statement and its values."""
    return " ".join(str(getattr(error, "orig", None) or error).split())[:200]
