"""`Queue.objects` and `Dict.objects`: making, listing and deleting what has a name."""

from __future__ import annotations

import builtins
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import ClassVar, Generic, Protocol, TypeVar

from intermodal.client.checking import checked_class
from intermodal.client.control_plane import control_plane
from intermodal.client.dual import dual
from intermodal.definitions.naming import check_name
from intermodal.exception import AlreadyExistsError, NotFoundError

__all__ = ["ObjectInfo", "Objects", "ObjectsOfClass"]

S = TypeVar("S", bound="Named")


class Named(Protocol):
    """A class whose objects have names; `kind` begins the names of its requests."""

    kind: ClassVar[str]

    def __init__(self, name: str | None, *, environment: str | None = None) -> None: ...


@dataclass(frozen=True)
class ObjectInfo:
    """One named object.

    Attributes:
        created_at: in UTC.
        size: the keys of a dict, or the items in all partitions of a queue.
    """

    name: str
    created_at: datetime
    size: int


@checked_class
class Objects(Generic[S]):
    """The named objects of one class."""

    def __init__(self, cls: type[S]) -> None:
        self._cls = cls
        self._called = f"{cls.__name__}.objects"

    @dual
    async def create(self, name: str, *, allow_existing: bool = False, environment_name: str | None = None) -> None:
        """Make an empty one. Raises `AlreadyExistsError`."""
        params = {"name": self._checked(name), "environment": environment_name, "create_if_missing": True}
        reply = await control_plane().request(f"{self._cls.kind}.create", params)
        if not reply.value["created"] and not allow_existing:
            raise AlreadyExistsError(
                f"there is a {self._cls.kind} named {name!r} already: use it, or allow that with "
                "--allow-existing (in Python, allow_existing=True)"
            )

    @dual
    async def delete(self, name: str, *, allow_missing: bool = False, environment_name: str | None = None) -> None:
        """Remove one with all it holds. Raises `NotFoundError`."""
        params = {"name": self._checked(name), "environment": environment_name}
        try:
            await control_plane().request(f"{self._cls.kind}.delete", params)
        except NotFoundError:
            if not allow_missing:
                raise

    @dual
    async def list(self, *, environment_name: str | None = None) -> builtins.list[S]:
        """All of an environment, by name."""
        found = await self._infos(environment_name)
        return [self._cls(info.name, environment=environment_name) for info in found]

    @dual
    async def describe(self, *, environment_name: str | None = None) -> builtins.list[ObjectInfo]:
        """What `list` gives, as data."""
        return await self._infos(environment_name)

    async def _infos(self, environment: str | None) -> builtins.list[ObjectInfo]:
        reply = await control_plane().request(f"{self._cls.kind}.list", {"environment": environment})
        return [
            ObjectInfo(row["name"], datetime.fromtimestamp(row["created"], timezone.utc), row["size"])
            for row in reply.value
        ]

    def _checked(self, name: str) -> str:
        return check_name(f"a {self._cls.kind}", name)


class ObjectsOfClass:
    """Makes `cls.objects` of a class and of those derived from it."""

    def __get__(self, instance: object, owner: type[S]) -> Objects[S]:
        return Objects(owner)
