"""URLs as they may be shown: without the name and password that one may have in it."""

from __future__ import annotations

import re

__all__ = ["shown_url"]

#: All up to the last "@" before the path: a password may have one in it.
_CREDENTIALS = re.compile(r"(?<=//)[^/?#\s]*@")


def shown_url(text: str) -> str:
    """`text` with `***` for what stands before the host."""
    return _CREDENTIALS.sub("***@", text)
