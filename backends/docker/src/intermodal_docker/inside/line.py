"""The line between a launcher and process 1 of a container, as both ends use it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from intermodal_docker.inside.messages import Message

__all__ = ["Heard", "Line", "Loop"]

#: Takes a message and the descriptors that came with it, which it owns.
Heard = Callable[[Any, list[int]], None]


class Loop(Protocol):
    """The part of an event loop that lines use."""

    def add_reader(self, fd: int, callback: Callable[..., Any], *arguments: Any) -> None: ...
    def remove_reader(self, fd: int) -> bool: ...
    def add_writer(self, fd: int, callback: Callable[..., Any], *arguments: Any) -> None: ...
    def remove_writer(self, fd: int) -> bool: ...


class Line(Protocol):
    """Carries messages with descriptors, in order. Its end is the container's end."""

    #: Whether descriptors pass as they are: those of files and of memory, too. Elsewhere only streams do.
    local: bool

    def fileno(self) -> int:
        """Can be read where the other end has said something, or the line has ended."""
        ...

    def listen(self, heard: Heard, over: Callable[[], None]) -> None:
        """Hear messages, and then once the end. What is nonsense to `heard` is the end."""
        ...

    def tell(self, message: Message, fds: Sequence[int] = ()) -> None:
        """Send a message. The descriptors stay the caller's. Raises `OSError` where nobody listens."""
        ...

    def resize(self, number: int, rows: int, columns: int) -> bool:
        """Set the size of the terminal of the program `number`. False: whoever has the terminal can do it himself."""
        ...

    def end(self) -> None:
        """Have the container end, and the line with it. Idempotent."""
        ...

    def close(self) -> None:
        """Let go of it. Idempotent."""
        ...

    def descriptors(self) -> list[int]:
        """All that it holds here: a fork closes them."""
        ...

    def settle(self) -> None:
        """Before this process ends: what was told and written so far is on its way."""
        ...
