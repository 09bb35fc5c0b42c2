"""The built-in plugin `progress`: what is being built, started and mapped. A live display while a person looks, else
plain lines.

It writes to stderr: stdout belongs to the user's code.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["make_display"]


def make_display() -> Any:
    """The plugin for this process's stderr."""
    if sys.stderr.isatty():
        from intermodal.builtin.live import LiveDisplay

        return LiveDisplay()
    from intermodal.builtin.plain import PlainDisplay

    return PlainDisplay()
