"""The directories of the host's /usr without their files, owned by this user.

As a lower directory of an overlay over /usr they make each directory the container's own, so that an ordinary user's
container can write where the host's root owns what is there.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["mirror_directories"]


def mirror_directories(source: str, target: Path) -> None:
    """Make all directories below `source` in `target`, their modes kept. What cannot be read is left out."""
    for directory, names, _ in os.walk(source):
        below = target / os.path.relpath(directory, source)
        for name in list(names):
            try:
                info = os.lstat(f"{directory}/{name}")
            except FileNotFoundError:
                info = None
            if info is None or not stat.S_ISDIR(info.st_mode):
                names.remove(name)
                continue
            (below / name).mkdir()
            (below / name).chmod(stat.S_IMODE(info.st_mode) | stat.S_IRWXU)
