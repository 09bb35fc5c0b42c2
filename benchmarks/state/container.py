"""The same work inside a container of the local backend."""

from __future__ import annotations

import intermodal
from state import work

__all__ = ["app", "ours", "theirs"]

app = intermodal.App("bench-state")
_image = intermodal.Image.debian_slim().pip_install("redis")


@app.function(image=_image, max_containers=1)
def ours(count: int) -> work.Rates:
    """Ours, through the container's own connection to its host."""
    return work.of_intermodal(count)


@app.function(image=_image, max_containers=1)
def theirs(count: int, port: int) -> work.Rates:
    """Redis, over the loopback interface that the container shares with the host."""
    return work.of_redis(count, port)
