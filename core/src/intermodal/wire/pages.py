"""Fresh memory for large values: asked for in huge pages before it is filled, where the kernel offers them.

The first touch of a fresh page is what costs when a large `bytes` is received: 512 times fewer faults do.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

import ctypes
import mmap

__all__ = ["HUGE_FROM", "in_huge_pages"]

#: Below this many bytes it is not worth the system call.
HUGE_FROM = 4 << 20

_ADVICE: int | None = getattr(mmap, "MADV_HUGEPAGE", None)


def in_huge_pages(view: memoryview) -> None:
    """Advise the kernel that the memory behind a writable `view` is filled as a whole. It is free to take no notice."""
    if _ADVICE is None:
        return
    start = ctypes.addressof(ctypes.c_char.from_buffer(view))
    first = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE
    length = (start + view.nbytes - first) // mmap.PAGESIZE * mmap.PAGESIZE
    ctypes.CDLL(None).madvise(ctypes.c_void_p(first), ctypes.c_size_t(length), _ADVICE)
