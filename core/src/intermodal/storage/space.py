"""A full disk as the error that users know."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from intermodal.exception import ResourceExhaustedError

__all__ = ["needing_space"]


@contextlib.contextmanager
def needing_space(place: Path) -> Iterator[None]:
    """Do something that writes under `place`. Raises `ResourceExhaustedError` where the disk or the quota is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise ResourceExhaustedError(
            f"no space left for {place}: nothing half-written was kept. Make room (`intermodal image prune` frees "
            "image layers), or set INTERMODAL_DATA_DIR to a directory on a larger disk"
        ) from error
