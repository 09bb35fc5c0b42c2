"""What observers hear of inputs that failed: text, which is read without opening what a container has pickled."""

from __future__ import annotations

import time
from typing import Any

from intermodal.driver.calls import CallRecord
from intermodal.engine import commands
from intermodal.plugins.observations import InputFailed
from intermodal.wire.payload import FAILURE, failure
from intermodal.wire.raised import Raised, decode

__all__ = ["failure_of_inputs", "told"]

#: Bytes of text that are read at all: nothing that a container sends may hold up the loop.
_LONGEST = 1 << 20
_LONGEST_ERROR, _LONGEST_MESSAGE, _LONGEST_TRACEBACK = 200, 16 << 10, 64 << 10


def failure_of_inputs(record: CallRecord, command: commands.InputsFailed) -> InputFailed:
    """The observation. It has the first of several inputs, and how many they are."""
    raised = told(command.payload)
    return InputFailed(
        call=record.id,
        app=record.app,
        function=record.function,
        at=time.time(),
        input=command.indices[0],
        count=len(command.indices),
        attempt=command.tries,
        container=command.container,
        error=raised.error[:_LONGEST_ERROR],
        message=raised.message[:_LONGEST_MESSAGE],
        traceback=raised.traceback[-_LONGEST_TRACEBACK:],
        parent=record.parent,
        detached=record.detached,
    )


def told(payload: Any) -> Raised:
    """What the payload of a failed output says, whoever made it; and where it says nothing, that."""
    if isinstance(payload, commands.Failure):
        return Raised(payload.error, payload.message, "")
    try:
        if payload[:1] == _OURS:
            error = failure(payload)
            return Raised(type(error).__name__, str(error), "")
        return decode(payload, _LONGEST)
    except (TypeError, ValueError):
        return Raised("ExecutionError", "the container reported an error that cannot be read here", "")


_OURS = bytes((FAILURE,))
