"""Networks that a sandbox may reach, as users write them (sandbox.net)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_network

from intermodal.exception import InvalidError

__all__ = ["networks"]


def networks(cidr_allowlist: Sequence[str] | None, block_network: bool) -> tuple[str, ...] | None:
    """Each in CIDR form and once, in order; None where nothing was said. Raises `InvalidError`."""
    if cidr_allowlist is None:
        return None
    if block_network:
        raise InvalidError("Sandbox.create: cidr_allowlist= and block_network=True exclude each other; leave one away")
    if isinstance(cidr_allowlist, str) or not isinstance(cidr_allowlist, Sequence):
        raise InvalidError(f"cidr_allowlist={cidr_allowlist!r:.60} must be a list of networks: ['10.0.0.0/8']")
    return tuple(dict.fromkeys(map(_network, cidr_allowlist)))


def _network(text: object) -> str:
    try:
        if not isinstance(text, str):
            raise ValueError("not a string")
        return str(ip_network(text))
    except ValueError as error:
        raise InvalidError(
            f"cidr_allowlist has {text!r:.60}, which is no network: write '10.0.0.0/8', or one address ({error})"
        ) from None
