"""One server for each data directory: two would each carry out what is deployed there."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from intermodal.exception import ConfigError
from intermodal.plugins.holding import try_acquire

__all__ = ["occupying"]

#: Seconds that one which has just been killed may take to be gone.
_GOING_S = 3.0
_POLL_S = 0.05
#: Characters of what the other one has noted that are shown.
_SHOWN = 200


@contextlib.contextmanager
def occupying(data_dir: Path) -> Iterator[Callable[[str], None]]:
    """Be the one server of a data directory that is there. Gives what takes the URL, for others to be told.

    The kernel lets go of it however this process ends.

    Raises:
        ConfigError: there is a server.
        OSError: the directory is no use.
    """
    path = data_dir / "server.lock"
    path.touch(mode=0o600)
    deadline = time.monotonic() + _GOING_S
    while (held := try_acquire(path)) is None:
        if time.monotonic() > deadline:
            raise ConfigError(
                f"the data directory {data_dir} is in use by another server ({_note(path)}): end that one, or set "
                "INTERMODAL_DATA_DIR to another directory"
            )
        time.sleep(_POLL_S)
    try:
        path.write_text("")

        def note(url: str) -> None:
            path.write_text(f"process {os.getpid()} at {url}")

        yield note
    finally:
        os.close(held)


def _note(path: Path) -> str:
    noted = path.read_text(errors="replace")[:_SHOWN]
    return noted if noted.isprintable() and noted else "which has yet to say where"
