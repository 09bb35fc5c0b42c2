"""What code in containers asks of deployed apps: others than its own, whose sessions are elsewhere (deploy.lookup)."""

from __future__ import annotations

from typing import Any, Protocol

from intermodal.driver.peers import Peer

__all__ = ["Elsewhere"]


class Elsewhere(Protocol):
    """Of one session; a server has one. On the session's loop."""

    def take(self, peer: Peer, header: dict[str, Any], segments: list[bytes], *, known: bool) -> bool:
        """Carry a frame there; False: it is about nothing deployed. `known`: it is about a call of this session.

        Raises one of `channel.MALFORMED`.
        """
        ...

    def gone(self, peer: Peer) -> None:
        """It is no more: its calls there are cancelled, but for detached ones."""
        ...
