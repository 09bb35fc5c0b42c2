"""How large what is kept of calls may be, and what is kept in the place of what may not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from intermodal.exception import InvalidError
from intermodal.server.calls.rows import Recorded
from intermodal.specs.status import ERROR
from intermodal.wire.payload import Payload, SharedPayload, failed

__all__ = ["LARGEST", "check_inputs", "failing", "within"]

#: Bytes of one value in a database: a row of SQLite has 10⁹ at most, and PostgreSQL doubles them on their way.
LARGEST = 500_000_000
_ADVICE = "put what is larger into a volume, and give its path instead"


def check_inputs(parameters: bytes, inputs: Sequence[Payload], largest: int) -> None:
    """Raises `InvalidError`: these take more than `largest` bytes together."""
    size = len(parameters) + sum(map(_size, inputs))
    if size > largest:
        raise InvalidError(
            f"the inputs of a spawned call take {size:,} bytes, and {largest:,} can be kept: {_ADVICE}, or make "
            "several calls"
        )


def within(statuses: Sequence[int], payloads: Sequence[Any], largest: int) -> tuple[Sequence[int], Sequence[Any]]:
    """Outputs as they came, but for those of more than `largest` bytes, in whose place is an error."""
    if all(_size(payload) <= largest for payload in payloads):
        return statuses, payloads
    rows = [
        (status, payload) if _size(payload) <= largest else (ERROR, _too_large(_size(payload), largest))
        for status, payload in zip(statuses, payloads, strict=True)
    ]
    return [status for status, _ in rows], [payload for _, payload in rows]


def failing(outputs: Recorded, error: str, message: str) -> Recorded:
    """The same, with an error (a class of ours by name) in the place of all that takes more room than that does."""
    instead = failed(error, message)
    rows = [
        (status, payload) if len(payload) <= len(instead) else (ERROR, instead)
        for status, payload in zip(outputs.statuses, outputs.payloads, strict=True)
    ]
    statuses, payloads = [status for status, _ in rows], [payload for _, payload in rows]
    return Recorded(outputs.call, outputs.indices, statuses, payloads, outputs.at)


def _too_large(size: int, largest: int) -> bytes:
    message = f"the result of an input takes {size:,} bytes, and {largest:,} can be kept: {_ADVICE}"
    return failed("InvalidError", message)


def _size(payload: Payload) -> int:
    return payload.size() if isinstance(payload, SharedPayload) else len(payload)
