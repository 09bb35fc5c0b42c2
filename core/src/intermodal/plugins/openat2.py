"""Opening what lies below a directory that somebody else fills or changes: the kernel sees to it (`openat2`).

Public to authors of backends.
"""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Literal

__all__ = ["open_below"]

_OPENAT2 = 437  # on every kind of machine
_RESOLVE = {"refused": 4, "in root": 16}
_libc = ctypes.CDLL(None, use_errno=True)


def open_below(top: int, path: str, flags: int, *, links: Literal["refused", "in root"]) -> int:
    """A descriptor of `path`, which is below the directory `top`.

    Args:
        flags: as of `os.open`; nothing is created.
        links: symbolic ones on the way are an error (ELOOP), or lead where they would if `top` were "/". Of the last
            part `O_NOFOLLOW` says whether it is one of them.

    Raises `OSError`; ENOSYS before Linux 5.6.
    """
    how = struct.pack("=QQQ", flags, 0, _RESOLVE[links])
    fd: int = _libc.syscall(_OPENAT2, top, os.fsencode(path), how, len(how))
    if fd < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return fd
