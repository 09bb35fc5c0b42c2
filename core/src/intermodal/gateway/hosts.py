"""Whether a request was sent to this machine by a name that means it."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

__all__ = ["is_this_machine"]


def is_this_machine(host: str) -> bool:
    """Whether a `Host` header names the loopback address. A name that a page's site has been given for this machine's
    address is another's (DNS rebinding)."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return f".{name}".endswith(".localhost") or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
