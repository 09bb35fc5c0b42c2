"""What a client asks about deployed apps: to make, find, list and end them."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from intermodal.exception import InvalidError
from intermodal.server.detached import DetachedApps
from intermodal.server.forwarding import Forwarder
from intermodal.server.lookup import looked_up
from intermodal.server.package import Package
from intermodal.server.schedules.slots import slots
from intermodal.server.version_table import Label, Version
from intermodal.specs import AppSpec, SecretName, from_json
from intermodal.specs.names import NAME_RULE, is_name

if TYPE_CHECKING:
    from intermodal.server.deployments import Deployments

__all__ = ["AppRequests", "Method", "named", "secret_values"]

#: Characters.
_LONGEST_TAG = _LONGEST_CLIENT = 200

Method = Callable[[dict[str, Any], Sequence[bytes]], Awaitable[Any]]


class AppRequests:
    """Of one client.

    Args:
        environment: where names are looked for that come with none of their own.
        author: who the client is.
        observer: hears of what is being deployed.
    """

    def __init__(
        self,
        deployments: Deployments,
        detached: DetachedApps,
        environment: Callable[[], str],
        author: str,
        observer: Callable[[], Forwarder],
    ) -> None:
        self._deployments = deployments
        self._detached = detached
        self._environment = environment
        self._author = author
        self._observer = observer
        self.methods: dict[str, Method] = {
            "app.deploy": self._deploy,
            "app.lookup": self._lookup,
            "app.list": self._list,
            "app.history": self._history,
            "app.rollback": self._rollback,
            "app.stop": self._stop,
        }

    async def _deploy(self, params: dict[str, Any], _: Sequence[bytes]) -> dict[str, Any]:
        label = self._label(params)
        package = Package(
            app=from_json(AppSpec, params["app"]),
            blobs=tuple(str(blob) for blob in params["blobs"]),
            secrets=secret_values(params["secrets"]),
            build_secrets=secret_values(params["build_secrets"]),
            named={str(name): from_json(SecretName, where) for name, where in params["named"].items()},
        ).called(named("an app", params["name"] or params["app"]["name"]))
        for function in package.app.functions:
            if function.schedule is not None:
                slots(function.schedule, 0.0)  # wrong ones are refused here
        observer = self._observer()
        try:
            return _row(await self._deployments.deploy(self._where(params), package, label, observer))
        finally:
            observer.end()

    async def _lookup(self, params: dict[str, Any], _: Sequence[bytes]) -> dict[str, Any]:
        return await looked_up(self._deployments, self._where(params), params)

    async def _list(self, params: dict[str, Any], _: Sequence[bytes]) -> list[dict[str, Any]]:
        where = self._where(params)
        versions = await self._deployments.versions(where)
        newest = {version.app: version for version in versions}
        live = {version.app: version for version in versions if version.state == "live"}
        deployed = [{**_row(version), "id": None} for version in {**newest, **live}.values()]
        return deployed + self._detached.rows(where)

    async def _history(self, params: dict[str, Any], _: Sequence[bytes]) -> list[dict[str, Any]]:
        return [_row(version) for version in await self._deployments.versions(self._where(params), str(params["app"]))]

    async def _rollback(self, params: dict[str, Any], _: Sequence[bytes]) -> dict[str, Any]:
        number = None if params["number"] is None else int(params["number"])
        return _row(
            await self._deployments.rollback(self._where(params), str(params["app"]), number, self._label(params))
        )

    async def _stop(self, params: dict[str, Any], _: Sequence[bytes]) -> None:
        where, app = self._where(params), str(params["app"])
        deployed = app in self._deployments.live_names(where)  # which the name means then
        if not await self._detached.stop(where, app, by_name=not deployed):
            await self._deployments.stop(where, app)

    def _where(self, params: dict[str, Any]) -> str:
        return named("an environment", params.get("environment") or self._environment())

    def _label(self, params: dict[str, Any]) -> Label:
        return Label(
            client=str(params.get("client", ""))[:_LONGEST_CLIENT],
            tag=_tag(str(params.get("tag") or "")),
            author=self._author,
        )


def secret_values(values: Any) -> dict[str, dict[str, str]]:
    """Variables by the names of secrets, as they came."""
    return {str(name): {str(key): str(value) for key, value in of.items()} for name, of in values.items()}


def named(what: str, name: Any) -> str:
    """`name`, which `what` is to have. Raises `InvalidError`."""
    if not is_name(name):
        raise InvalidError(f"{name!r:.80} cannot be the name of {what}: {NAME_RULE}")
    return str(name)


def _tag(tag: str) -> str:
    if len(tag) > _LONGEST_TAG or not tag.isprintable():
        raise InvalidError(f"{tag!r:.80} cannot be a version's tag: use at most {_LONGEST_TAG} printable characters")
    return tag


def _row(version: Version) -> dict[str, Any]:
    return dataclasses.asdict(version)
