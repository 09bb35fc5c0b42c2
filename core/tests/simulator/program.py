"""What a simulated input does when it runs. The engine never looks inside: it is the payload."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Program"]


@dataclass(frozen=True, slots=True)
class Program:
    """One input's behaviour.

    Args:
        value: what it returns.
        sleep: how long it runs, seconds; between items where it yields some.
        fail: how many of its first tries raise.
        crash: how many of its first tries kill their container.
        deaf: it ignores cancellation.
        items: how many items it yields, as a generator.
        pool: where its `children` go.
        children: the inputs of one nested call that it makes and waits for.
    """

    value: Any = None
    sleep: float = 0.001
    fail: int = 0
    crash: int = 0
    deaf: bool = False
    items: int = 0
    pool: str = ""
    children: tuple[Program, ...] = ()
