"""What others are told of a sandbox."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["SandboxView"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxView:
    """One sandbox as it is now.

    Attributes:
        created: Unix seconds.
        state: "starting", "running", or why it ended: a cause of `intermodal.engine.commands.SandboxEnded`.
        code: its exit code, when it has ended.
        detail: more about its end, in words; "" where there is no more to say.
    """

    id: str
    app: str
    name: str | None
    argv: Sequence[str]
    tags: Mapping[str, str]
    created: float
    state: str
    code: int | None
    detail: str

    @property
    def ended(self) -> bool:
        """Whether anything is left of it."""
        return self.code is not None
