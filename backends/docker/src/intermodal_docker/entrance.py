"""How a container is reached: by a door, where the engine sees this machine's files, or by its attached streams."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from intermodal.specs import HostMount
from intermodal_docker.engine import Bind, Exec, VolumeMount
from intermodal_docker.inside.line import Line

__all__ = ["INSIDE", "Entrance", "First", "Printed", "Visit", "Way"]

#: Where a container has what its process 1 is made of.
INSIDE = "/run/intermodal"

#: Hears what a container prints before its guest has streams of its own. On the loop.
Printed = Callable[[Literal[1, 2], bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What to ask for a container that is to be reached.

    Args:
        command: runs process 1; the token of the visit has to follow.
        binds, volumes: what process 1 is made of, and what the container is to see.
        stdin: keep its standard input open.
    """

    command: Sequence[str]
    binds: Sequence[Bind] = ()
    volumes: Sequence[VolumeMount] = ()
    stdin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """What process 1 is.

    Args:
        python: starts the Python that runs it.
        guest: a guest is to follow, whose imports it makes meanwhile.
    """

    python: Sequence[str] = ("python3",)
    guest: bool = True

    def command(self, *how: str) -> Sequence[str]:
        """What runs it; `how` it is reached."""
        return (*self.python, f"{INSIDE}/init.py", *(() if self.guest else ("bare",)), *how)


class Visit(Protocol):
    """One container that is expected. `coming` is the line to its process 1, when that has shown the token."""

    token: str
    coming: asyncio.Future[Line]

    def attached(self, streams: Exec) -> None:
        """These are the container's, and from now on the visit's. Before the container starts, on any thread."""
        ...


class Entrance(Protocol):
    """A session's. On the loop."""

    async def way(self, mounts: Sequence[HostMount], image: str, first: First) -> Way:
        """For containers of `image` that are to see `mounts`, and run `first`. Raises `BackendError`."""
        ...

    def expect(self, printed: Printed, silent: Callable[[], None]) -> AbstractContextManager[Visit]:
        """Expect one container. Who leaves without an error owns the line; else it is closed.

        Args:
            silent: hears that the container prints no more, as it has ended or as its guest prints elsewhere.
        """
        ...
