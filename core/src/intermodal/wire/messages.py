"""What both ends of a stream agree on: the protocol's number.

Standard library only and Python 3.10 syntax: guests use it.
"""

from __future__ import annotations

__all__ = ["PROTOCOL"]

#: Goes up whenever an older peer could misread a newer one.
PROTOCOL = 1
