"""Deployed versions in the server's database."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, case, delete, func, insert, select, update

from intermodal.exception import NotFoundError
from intermodal.server.database import VERSIONS
from intermodal.server.versions import State

__all__ = ["Label", "Version", "VersionTable"]

_COLUMNS = tuple(column for column in VERSIONS.c if column.name != "package")


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a deployer says of a version: the client's release, a tag of his choice, and who he is."""

    client: str = ""
    tag: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One deployed version without its package. `created` is when its deployment began and `changed` when its state
    last did, in Unix seconds; `error` says why it failed, or was stopped; `copy_of` is the version that a
    rollback copied."""

    environment: str
    app: str
    number: int
    state: State
    warm: bool
    client: str
    tag: str
    author: str
    created: float
    changed: float
    error: str
    copy_of: int | None = None


class VersionTable:
    """On any thread; one process writes."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    def begin(
        self, environment: str, app: str, package: str, *, warm: bool, label: Label, copy_of: int | None = None
    ) -> Version:
        """Add the next version of an app, which is being deployed."""
        of = (VERSIONS.c.environment == environment) & (VERSIONS.c.app == app)
        now = time.time()
        with self._database.begin() as connection:
            last = connection.execute(select(func.max(VERSIONS.c.number)).where(of)).scalar()
            row: dict[str, Any] = {
                "environment": environment,
                "app": app,
                "number": (last or 0) + 1,
                "state": "deploying",
                "warm": warm,
                "client": label.client,
                "tag": label.tag,
                "author": label.author,
                "created": now,
                "changed": now,
                "error": "",
                "copy_of": copy_of,
            }
            connection.execute(insert(VERSIONS), [{**row, "package": package}])
        return Version(**row)

    def change(self, environment: str, app: str, states: Mapping[int, State], error: str = "") -> None:
        """Set states, all or none; on the disk when this returns."""
        with self._database.begin() as connection:
            for number, state in states.items():
                row = (VERSIONS.c.environment == environment) & (VERSIONS.c.app == app) & (VERSIONS.c.number == number)
                values = {"state": state, "changed": time.time(), **({"error": error} if error else {})}
                connection.execute(update(VERSIONS).where(row).values(**values))

    def forget(self, environment: str, app: str, number: int) -> None:
        """Nothing is known of this version any more."""
        row = (VERSIONS.c.environment == environment) & (VERSIONS.c.app == app) & (VERSIONS.c.number == number)
        with self._database.begin() as connection:
            connection.execute(delete(VERSIONS).where(row))

    def all(self, environment: str | None = None, app: str | None = None) -> list[Version]:
        """Those of an environment and app, or of all, the oldest first."""
        query = select(*_COLUMNS).order_by(VERSIONS.c.environment, VERSIONS.c.app, VERSIONS.c.number)
        if environment is not None:
            query = query.where(VERSIONS.c.environment == environment)
        if app is not None:
            query = query.where(VERSIONS.c.app == app)
        with self._database.connect() as connection:
            return [_version(row) for row in connection.execute(query).mappings()]

    def apps(self, environment: str, search: str, limit: int, offset: int) -> tuple[list[Version], int]:
        """A part of the apps of an environment whose names have `search` in them, by name, and how many there are in
        all. Of each its live version, or the newest where none is live."""
        match = (VERSIONS.c.environment == environment) & VERSIONS.c.app.contains(search, autoescape=True)
        live = func.max(case((VERSIONS.c.state == "live", VERSIONS.c.number)))
        shown = func.coalesce(live, func.max(VERSIONS.c.number)).label("number")
        part = select(VERSIONS.c.app, shown).where(match).group_by(VERSIONS.c.app).order_by(VERSIONS.c.app)
        some = part.limit(limit).offset(offset).subquery()
        of = (VERSIONS.c.app == some.c.app) & (VERSIONS.c.number == some.c.number)
        query = select(*_COLUMNS).join(some, of).where(VERSIONS.c.environment == environment).order_by(VERSIONS.c.app)
        with self._database.connect() as connection:
            total = connection.execute(select(func.count(VERSIONS.c.app.distinct())).where(match)).scalar_one()
            return [_version(row) for row in connection.execute(query).mappings()], int(total)

    def recent(self, environment: str, limit: int, offset: int) -> tuple[list[Version], int]:
        """A part of the versions of all apps of an environment, the last deployed first, and how many there are."""
        mine = VERSIONS.c.environment == environment
        newest = (VERSIONS.c.created.desc(), VERSIONS.c.app, VERSIONS.c.number)
        query = select(*_COLUMNS).where(mine).order_by(*newest).limit(limit).offset(offset)
        with self._database.connect() as connection:
            total = connection.execute(select(func.count()).select_from(VERSIONS).where(mine)).scalar_one()
            return [_version(row) for row in connection.execute(query).mappings()], int(total)

    def package(self, environment: str, app: str, number: int) -> str:
        """What a version runs, as it was kept. Raises `NotFoundError`."""
        row = (VERSIONS.c.environment == environment) & (VERSIONS.c.app == app) & (VERSIONS.c.number == number)
        with self._database.connect() as connection:
            found = connection.execute(select(VERSIONS.c.package).where(row)).scalar()
        if found is None:
            raise NotFoundError(f"there is no version {number} of app {app!r} in environment {environment!r}")
        return str(found)


def _version(row: Mapping[Any, Any]) -> Version:
    return Version(**{**row, "warm": bool(row["warm"])})
