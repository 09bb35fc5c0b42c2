"""What a client asks about environments."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from intermodal.server.app_requests import Method, named
from intermodal.server.environments import Environments

if TYPE_CHECKING:
    from intermodal.server.deployments import Deployments

__all__ = ["EnvironmentRequests"]


class EnvironmentRequests:
    """Of one client."""

    def __init__(self, environments: Environments, deployments: Deployments) -> None:
        self._environments = environments
        self._deployments = deployments
        self.methods: dict[str, Method] = {
            "environment.create": self._create,
            "environment.list": self._list,
            "environment.removable": self._removable,
            "environment.delete": self._delete,
        }

    async def _create(self, params: dict[str, Any], _: Sequence[bytes]) -> None:
        name = named("an environment", params["name"])
        await self._environments.create(name, str(params.get("description") or ""))

    async def _list(self, _params: dict[str, Any], _: Sequence[bytes]) -> list[dict[str, Any]]:
        apps = Counter(version.environment for version in self._deployments.live())
        return [{**dataclasses.asdict(each), "apps": apps[each.name]} for each in self._environments.all()]

    async def _removable(self, params: dict[str, Any], _: Sequence[bytes]) -> None:
        self._environments.check_removable(str(params["name"]))

    async def _delete(self, params: dict[str, Any], _: Sequence[bytes]) -> None:
        name = str(params["name"])
        self._environments.check_removable(name)  # before anything is stopped
        if params["stop"]:
            await self._deployments.stop_all(name)
        async with self._deployments.deserted(name):
            await self._environments.delete(name)
