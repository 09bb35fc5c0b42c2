"""Where an engine is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker.tls import TLSConfig

__all__ = ["Place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One engine's.

    Args:
        address: "unix:///path", "tcp://host:port" or "ssh://user@host:port/path"; "" where nobody can tell.
        tls: of docker's package, where the address is to be spoken to so.
        identity: the file of an ssh key to show, where one is named.
        failure: why nobody can tell, and what to do.
    """

    address: str
    tls: TLSConfig | None = None
    identity: str | None = None
    failure: str = ""

    @property
    def remote(self) -> bool:
        """Whether it is another machine's, as far as the address tells."""
        return not self.address.startswith(("unix://", "http+unix://"))
