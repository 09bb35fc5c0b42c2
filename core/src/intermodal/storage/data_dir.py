"""What to say where the data directory cannot be used."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from intermodal.exception import ConfigError, ResourceExhaustedError

__all__ = ["using"]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_SETTING = "INTERMODAL_DATA_DIR (or data_dir in [tool.intermodal])"


@contextlib.contextmanager
def using(data_dir: Path) -> Iterator[None]:
    """Turns the operating system's errors about `data_dir` into ones that say what to do; others pass.

    Raises:
        ResourceExhaustedError: the disk is full.
        ConfigError: the directory cannot be made or written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise ResourceExhaustedError(
                f"no space is left on the disk of {data_dir}, where images, code and containers are kept: free some "
                f"there (`intermodal image prune` removes image layers that nothing uses), or set {_SETTING} to "
                "another disk"
            ) from error
        if isinstance(error.filename, str) and _concerns(data_dir, Path(error.filename)):
            raise ConfigError(
                f"the data directory {data_dir} cannot be used: {error.strerror}: {error.filename}. Set {_SETTING} "
                "to a directory that you may write"
            ) from error
        raise


def _concerns(data_dir: Path, path: Path) -> bool:
    """It lies there, or is to be made for the directory to lie in."""
    return path.is_relative_to(data_dir) or data_dir.is_relative_to(path)
