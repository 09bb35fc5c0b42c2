"""What a session lets others keep: its detached calls, which are to outlive it (deploy.durable)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from intermodal.wire.payload import Payload

__all__ = ["CallKeeper", "DetachedCall", "Kept", "Output", "Verdict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DetachedCall:
    """All that a detached call needs to begin, now or in another session. `function` is its name among its app's,
    `parent` the call that made it."""

    id: str
    app: str
    function: str
    method: str
    parameters: bytes
    options: str
    inputs: Sequence[Payload]
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """The keeper has a call. `new` is False where it had the very same one before, which nobody is to begin again."""

    new: bool


#: What becomes of a call: it is kept, or is not to be, and why.
Verdict = Kept | Exception


@dataclass(frozen=True, slots=True)
class Output:
    """What is known of an output: "done" with its status and payload, "pending", or "expired"."""

    state: str
    status: int = 0
    payload: bytes = b""


class CallKeeper(Protocol):
    """Of one session, on its loop. What it was given outlives the session, and the process."""

    def accept(self, call: DetachedCall, then: Callable[[Verdict], None]) -> None:
        """Keep a call before it begins; `then` hears on this loop what became of that. One that is kept is begun anew
        elsewhere where this session ends before it has recorded all outputs."""
        ...

    def record(self, call: str, indices: Sequence[int], statuses: Sequence[int], payloads: Sequence[Any]) -> None:
        """Outputs of a call. The first of an input counts."""
        ...

    def end(self, call: str) -> None:
        """A call has no more outputs from this session."""
        ...

    async def output(self, call: str, index: int, timeout: float | None) -> Output:
        """An output, waited for at most `timeout` seconds. Raises `NotFoundError`."""
        ...

    async def cancel(self, call: str) -> None:
        """End a call that this session does not have. Idempotent."""
        ...

    async def graph(self, call: str) -> list[dict[str, Any]]:
        """A call and those that it made, as far as they are kept."""
        ...
