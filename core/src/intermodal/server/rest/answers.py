"""What has become of a call, as HTTP: a status and JSON."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import JSONResponse, Response

from intermodal.driver.failures import told
from intermodal.exception import (
    AlreadyExistsError,
    CapabilityNotSupported,
    Error,
    FunctionTimeoutError,
    InputCancelledError,
    InvalidError,
    NotFoundError,
    ResourceExhaustedError,
)
from intermodal.specs.status import CANCELLED, OK
from intermodal.wire.json_values import is_json, text_of

__all__ = ["failed", "of_call", "refused", "result_text"]

_STATUS: dict[str, int] = {
    InvalidError.__name__: 400,
    NotFoundError.__name__: 404,
    AlreadyExistsError.__name__: 409,
    CapabilityNotSupported.__name__: 501,
    ResourceExhaustedError.__name__: 503,
    InputCancelledError.__name__: 503,
    FunctionTimeoutError.__name__: 504,
}
_CANCELLED = "the call was cancelled, or its app is stopping"


def refused(error: Error) -> JSONResponse:
    """A request that became no call."""
    status = _STATUS.get(type(error).__name__, 503)
    return JSONResponse({"error": type(error).__name__, "message": str(error)}, status)


def failed(status: int, payload: Any) -> tuple[int, dict[str, str]]:
    """The HTTP status and the error of a call that ended otherwise than well."""
    if status == CANCELLED:
        return 503, {"error": InputCancelledError.__name__, "message": _CANCELLED}
    raised = told(payload)
    described = {"error": raised.error, "message": raised.message}
    if raised.traceback:  # the user's own code raised it, whatever its name is
        return 500, {**described, "traceback": raised.traceback}
    return _STATUS.get(raised.error, 500), described


def of_call(status: int, payload: Any, headers: dict[str, str]) -> Response:
    """The answer to who has waited for a call: the result itself, or the error."""
    if status != OK:
        code, described = failed(status, payload)
        return JSONResponse(described, code, headers)
    text = result_text(payload)
    if text is None:
        described = {"error": "SerializationError", "message": "the container gave a result that is no JSON"}
        return JSONResponse(described, 500, headers)
    return Response(text, 200, headers, "application/json")


def result_text(payload: Any) -> bytes | None:
    """The result as JSON; None where it is none: that of a call which a program made."""
    if not is_json(payload):
        return None
    try:
        json.loads(text_of(payload))  # containers may send anything
    except (ValueError, RecursionError):
        return None
    return text_of(payload)
