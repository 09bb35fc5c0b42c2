"""`Tunnel`: how to reach a port inside a sandbox (sandbox.net)."""

from __future__ import annotations

from dataclasses import dataclass

from intermodal.exception import CapabilityNotSupported, InvalidError

__all__ = ["Tunnel"]


@dataclass(frozen=True)
class Tunnel:
    """A port of this machine that leads to one inside. It is on the loopback: nothing leaves the machine, so nothing is
    encrypted."""

    host: str
    port: int
    unencrypted: bool = False  #: it was asked for so

    @property
    def url(self) -> str:
        """For HTTP."""
        return f"http://{self.host}:{self.port}"

    @property
    def tcp_socket(self) -> tuple[str, int]:
        """Host and port to connect to. Raises `InvalidError` where the port is among `encrypted_ports`."""
        if not self.unencrypted:
            raise InvalidError("this port was asked for in encrypted_ports=; ask for it in unencrypted_ports=")
        return self.host, self.port

    @property
    def tls_socket(self) -> tuple[str, int]:
        """There is none: TLS ends at servers, and this tunnel is on the machine's own loopback."""
        raise CapabilityNotSupported(
            "tunnel.tls", hint="a tunnel is on this machine's loopback: use url, or unencrypted_ports= and tcp_socket"
        )
