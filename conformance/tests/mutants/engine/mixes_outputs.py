"""What a process in a sandbox writes to standard error comes as standard output."""

from __future__ import annotations

from collections.abc import Callable

from intermodal.driver.sandboxes.box import Box
from intermodal.driver.sandboxes.streams import Stream
from mutants.planting import instead_of


@instead_of("stream", Box)
def stream(original: Callable[..., Stream], box: Box, number: str, which: int) -> Stream:
    return original(box, number, 1)
