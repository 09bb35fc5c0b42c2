"""Calls that the server keeps, told as those that it has seen are; what is kept counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from intermodal.plugins import InputFailed
from intermodal.server.activity import CallSeen
from intermodal.server.calls import Call, CallInput

__all__ = ["failures_of", "together", "told"]

#: Characters of one failure that are shown: the first of its message, the last of its traceback.
_MESSAGE, _TRACEBACK = 16 << 10, 64 << 10


def together(seen: Iterable[tuple[str, CallSeen]], kept: Iterable[Call]) -> list[tuple[str, CallSeen]]:
    """Calls with their apps, the newest first, each once, though it was seen to begin more than once."""
    rows: dict[str, tuple[str, CallSeen]] = {}
    for app, call in seen:
        rows.setdefault(call.id, (app, call))
    for each in kept:
        before = rows.get(each.id)
        rows[each.id] = (each.app, told(each, None if before is None else before[1]))
    return sorted(rows.values(), key=lambda row: row[1].started, reverse=True)


def told(call: Call, seen: CallSeen | None) -> CallSeen:
    """A call that is kept; only who has seen it knows what runs, and what was raised without a look at its outputs."""
    states = call.states
    return CallSeen(
        id=call.id,
        function=call.function,
        started=call.created,
        parent=call.parent,
        ended=call.ended,
        total=call.inputs,
        running=0 if seen is None or call.ended is not None else seen.running,
        succeeded=states.succeeded,
        failed=states.failed,
        cancelled=states.cancelled,
        failures=[] if seen is None or not states.failed else list(seen.failures),
    )


def failures_of(call: Call, inputs: Sequence[CallInput]) -> list[InputFailed]:
    """What failed inputs of a call have raised."""
    return [
        InputFailed(
            call=call.id,
            app=call.app,
            function=call.function,
            at=call.created if each.at is None else each.at,
            input=each.index,
            error=each.error,
            message=each.message[:_MESSAGE],
            traceback=each.traceback[-_TRACEBACK:],
            parent=call.parent,
            detached=True,
        )
        for each in inputs
    ]
