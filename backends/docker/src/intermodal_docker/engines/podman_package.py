"""What only podman's own package does: services elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import podman.errors
from podman.client import PodmanClient

if TYPE_CHECKING:
    import requests

__all__ = ["FAILURES", "sender"]

FAILURES: tuple[type[Exception], ...] = (podman.errors.PodmanError, ValueError)


def sender(address: str) -> _Client:
    """A client for an address."""
    return _Client(PodmanClient(base_url=address))


@dataclass(frozen=True, slots=True)
class _Client:
    """Its HTTP client, as its objects lack some verbs and ask more than once."""

    package: Any

    def send(self, method: str, target: str, **more: Any) -> requests.Response:
        """See `Sender`."""
        found: requests.Response = self.package.api._request(method, target, **more)._response
        return found

    def close(self) -> None:
        """See `Sender`."""
        self.package.close()
