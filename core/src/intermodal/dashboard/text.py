"""Text of strangers, made harmless to look at."""

from __future__ import annotations

import re

from markupsafe import Markup

__all__ = ["harmless"]

#: Control characters but tab and line feed, what changes the direction of text or cannot be seen, and what is no
#: character at all.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def harmless(value: object) -> object:
    """The same, where such characters are written as Python writes them; what is no text, and markup of ours, as it
    is."""
    if not isinstance(value, str) or isinstance(value, Markup):
        return value
    return _HARMFUL.sub(lambda found: found[0].encode("unicode_escape").decode(), value)
