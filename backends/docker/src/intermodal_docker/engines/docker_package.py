"""What only docker's own package does: engines elsewhere, and log-ins as the command `docker` keeps them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import docker.auth
import docker.errors
from docker.api.client import APIClient

from intermodal.exception import BackendError
from intermodal_docker.engines.records import split_reference

if TYPE_CHECKING:
    import requests
    from docker.tls import TLSConfig

__all__ = ["FAILURES", "login", "sender"]

FAILURES: tuple[type[Exception], ...] = (docker.errors.DockerException,)


def sender(tls: TLSConfig | None, timeout: float) -> Callable[[str], _Client]:
    """What makes a client for an address."""
    return lambda address: _Client(_Package(address, version="auto", timeout=timeout, tls=tls or False))


def login(reference: str, auth: tuple[str, str] | None) -> dict[str, str]:
    """Headers for the registry of `reference`: `auth`, a user's name and password, or what `docker login` kept.

    Raises `BackendError`: what keeps it, fails.
    """
    found: Any = {"username": auth[0], "password": auth[1]} if auth else _kept(split_reference(reference)[0])
    return {"X-Registry-Auth": docker.auth.encode_header(found).decode()} if found else {}


def _kept(repository: str) -> Any:
    try:
        registry, _ = docker.auth.resolve_repository_name(repository)
        return docker.auth.load_config().resolve_authconfig(registry)
    except docker.errors.DockerException as error:
        raise BackendError(f"docker: the log-in of {repository} cannot be read: {error}") from None


@dataclass(frozen=True, slots=True)
class _Client:
    package: Any

    def send(self, method: str, target: str, **more: Any) -> requests.Response:
        """See `Sender`."""
        package = self.package
        more["headers"] = {**package._general_configs.get("HttpHeaders", {}), **more["headers"]}
        found: requests.Response = package.request(method, f"{package.base_url}/v{package._version}{target}", **more)
        return found

    def close(self) -> None:
        """See `Sender`."""
        self.package.close()


class _Package(APIClient):  # type: ignore[misc]
    """With the engine's own certificates only: `REQUESTS_CA_BUNDLE` and the like are about others. Which version of the
    API to speak, the quickest of its answers says."""

    def _retrieve_server_version(self) -> Any:
        self.trust_env = False
        pong = self._get(self._url("/_ping", versioned_api=False))
        if pong.status_code >= 400:
            raise docker.errors.DockerException(pong.text.strip())
        return pong.headers.get("Api-Version") or super()._retrieve_server_version()
