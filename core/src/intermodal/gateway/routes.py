"""Which endpoint a request is for: by the first part of its path, or of its host's name (web.lookup)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from intermodal.exception import AlreadyExistsError
from intermodal.gateway.endpoints import Endpoint

__all__ = ["Found", "Routes"]

#: An endpoint, and the part of the path that is not its app's.
Found = tuple[Endpoint, str]

#: Below this every name is this machine, so that an app can have a host of its own.
_LOCAL = ".localhost"


class Routes:
    """Endpoints by label. On one thread."""

    def __init__(self) -> None:
        self._endpoints: dict[str, Endpoint] = {}

    def add(self, endpoints: Sequence[Endpoint]) -> None:
        """Route to these; all or none. Raises `AlreadyExistsError`: others have a label of theirs."""
        for each in endpoints:
            self.check(each)
        self._endpoints |= {each.label: each for each in endpoints}

    def replace(self, old: Iterable[Endpoint], new: Sequence[Endpoint]) -> None:
        """Route to new ones instead, in one step, so that no request finds neither. Raises `AlreadyExistsError`."""
        before = self._endpoints
        self._endpoints = {label: each for label, each in before.items() if each not in old}
        try:
            self.add(new)
        except AlreadyExistsError:
            self._endpoints = before
            raise

    def remove(self, endpoints: Iterable[Endpoint]) -> None:
        """Route to these no more. Those that are not routed to are passed over."""
        for each in endpoints:
            if self._endpoints.get(each.label) is each:
                del self._endpoints[each.label]

    def check(self, endpoint: Endpoint) -> None:
        """Raises `AlreadyExistsError`: another has its label."""
        other = self._endpoints.get(endpoint.label)
        if other is not None:
            raise AlreadyExistsError(
                f"the label {endpoint.label!r} of {endpoint.name!r} is taken by {other.name!r} of the app "
                f"{other.target.app!r}: choose another label=, or stop that app"
            )

    def labels(self) -> list[str]:
        """All, sorted."""
        return sorted(self._endpoints)

    def find(self, scope: Mapping[str, Any]) -> Found | None:
        """The endpoint for a request, and the part of its path that is not the app's."""
        endpoints = self._endpoints
        if not endpoints:
            return None
        by_host = self._by_host(scope)
        if by_host is not None:
            return by_host, ""
        label = scope["path"][1:].partition("/")[0]
        found = endpoints.get(label)
        return None if found is None else (found, f"/{label}")

    def _by_host(self, scope: Mapping[str, Any]) -> Endpoint | None:
        for name, value in scope["headers"]:
            if name == b"host":
                host = value.decode("latin-1").partition(":")[0].lower()
                if host.endswith(_LOCAL):
                    return self._endpoints.get(host.removesuffix(_LOCAL))
                return None
        return None
