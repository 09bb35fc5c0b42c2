"""Memory snapshots: may this process be forked, and what each fork must make its own."""

from __future__ import annotations

import random
import sys
import threading
from typing import Any

__all__ = ["reseed", "why_void"]


def why_void() -> str | None:
    """None where forks of this process are sound; else the reason, for the log."""
    others = [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]
    if others:
        return f"the snapshot is void: threads are running ({', '.join(sorted(others))}), and forks do not have them"
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return "the snapshot is void: CUDA is initialised, which does not survive a fork; move that to a plain @enter()"
    return None


def reseed() -> None:
    """Give this fork randomness of its own. What draws on the kernel (`secrets`, `uuid4`) has it already."""
    random.seed()
    numpy_random: Any = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
    torch: Any = sys.modules.get("torch")
    if torch is not None:
        torch.seed()
