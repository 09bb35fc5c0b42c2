"""What others said, made harmless to look at: their text may hold what a terminal or a browser would obey.

Standard library only and Python 3.10 syntax, as all of this room.
"""

from __future__ import annotations

import re

__all__ = ["written_out"]

#: Control characters but tab and line feed, what changes the direction of text or cannot be seen, and what is no
#: character at all. Joiners stay: scripts and emoji need them.
_HARMFUL = (
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_ALL = re.compile(_HARMFUL)
_BUT_COLOURS = re.compile(r"(\x1b\[[\d;]*m)|" + _HARMFUL)


def written_out(text: str, *, colours: bool = False) -> str:
    """The same, where such characters are written as Python writes them.

    Args:
        colours: leave the codes that only set colours and weight.
    """
    if colours:
        return _BUT_COLOURS.sub(lambda found: found[1] or _written(found[0]), text)
    return _ALL.sub(lambda found: _written(found[0]), text)


def _written(character: str) -> str:
    return character.encode("unicode_escape").decode()
