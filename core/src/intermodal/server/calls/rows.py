"""What is written of calls, and what is known of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Call", "Fresh", "Recorded", "States"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """A call that is to be accepted. `request` and `digest`: see `request`."""

    id: str
    environment: str
    app: str
    function: str
    method: str
    options: str
    parent: str | None
    inputs: int
    request: bytes
    digest: str
    created: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """Outputs of one call, as they came."""

    call: str
    indices: Sequence[int]
    statuses: Sequence[int]
    payloads: Sequence[bytes]
    at: float

    @property
    def size(self) -> int:
        """Bytes of the payloads."""
        return sum(map(len, self.payloads))

    def halves(self) -> Iterator[Recorded]:
        """The same in two parts, where it is more than one."""
        middle = len(self.indices) // 2
        for part in (slice(middle), slice(middle, None)):
            yield Recorded(self.call, self.indices[part], self.statuses[part], self.payloads[part], self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """How many inputs of a call are in which state. Their sum is all that were accepted."""

    succeeded: int
    failed: int
    cancelled: int
    pending: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call without its inputs and outputs. Times in Unix seconds; `ended` is None while inputs have no output,
    `expired` until those were removed."""

    number: int
    id: str
    environment: str
    app: str
    function: str
    method: str
    options: str
    parent: str | None
    inputs: int
    created: float
    ended: float | None
    expired: float | None
    states: States

    @property
    def state(self) -> str:
        """ "running", or how it has ended: "failed" where any input did, else "cancelled" where any was, else
        "succeeded"."""
        if self.ended is None:
            return "running"
        if self.states.failed:
            return "failed"
        return "cancelled" if self.states.cancelled else "succeeded"
