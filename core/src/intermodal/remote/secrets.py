"""The named secrets of a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from intermodal.storage import SecretInfo

__all__ = ["RemoteSecrets"]


class RemoteSecrets:
    """As `SecretStore`, which the server has.

    Args:
        ask: `Line.ask`.
    """

    def __init__(self, ask: Callable[[str, dict[str, Any]], Any]) -> None:
        self._ask = ask

    def create(self, name: str, environment: str, values: Mapping[str, str], *, overwrite: bool = False) -> None:
        """See `SecretStore`."""
        of = {"name": name, "environment": environment}
        self._ask("secret.create", {**of, "values": dict(values), "overwrite": overwrite})

    def read(self, name: str, environment: str) -> dict[str, str]:
        """See `SecretStore`."""
        return dict(self._ask("secret.read", {"name": name, "environment": environment}))

    def list(self, environment: str) -> list[SecretInfo]:
        """See `SecretStore`."""
        rows = self._ask("secret.list", {"environment": environment})
        return [SecretInfo(name, created, tuple(keys)) for name, created, keys in rows]

    def delete(self, name: str, environment: str) -> None:
        """See `SecretStore`."""
        self._ask("secret.delete", {"name": name, "environment": environment})
