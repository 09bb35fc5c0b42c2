"""What the running code is part of: a container, and the input it works on (call.context).

The guest sets it; definitions read it. Standard library only and Python 3.10 syntax.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar, Token
from dataclasses import dataclass

__all__ = ["InputContext", "current_input", "enter_container", "enter_input", "in_container", "leave_input"]


@dataclass(frozen=True)
class InputContext:
    """One input as its own code sees it. `attempt` counts from 1; the input's id is the same for every attempt.
    `trace`: of its call."""

    call: str
    index: int
    attempt: int = 1
    trace: str = ""

    @property
    def input_id(self) -> str:
        """Stable over retries: good as an idempotency key."""
        return f"in-{self.call.removeprefix('fc-')}-{self.index}"


_input: ContextVar[InputContext | None] = ContextVar("intermodal_input", default=None)
_finder: Callable[[], InputContext | None] | None = None
_in_container = False


def enter_container(finder: Callable[[], InputContext | None] | None = None) -> None:
    """This process is a container from now on. `finder` answers for code that no `enter_input` covers (threads that
    the user's code started)."""
    global _in_container, _finder
    _in_container = True
    _finder = finder


def in_container() -> bool:
    """True inside a container."""
    return _in_container


def enter_input(call: str, index: int, attempt: int = 1, trace: str = "") -> Token[InputContext | None]:
    """The current context works on this input until `leave_input` gets the token back."""
    return _input.set(InputContext(call, index, attempt, trace))


def leave_input(token: Token[InputContext | None]) -> None:
    """End what `enter_input` began."""
    _input.reset(token)


def current_input() -> InputContext | None:
    """The input this code works on; None outside of any."""
    found = _input.get()
    if found is None and _finder is not None:
        found = _finder()
    return found
