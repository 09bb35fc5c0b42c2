"""The environments of a server: which there are (deploy.lookup). What is named in one is not found in another."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from sqlalchemy import Engine, delete, insert, select

from intermodal.exception import AlreadyExistsError, InvalidError, NotFoundError
from intermodal.server.database import ENVIRONMENTS

__all__ = ["Environment", "Environments"]

#: Characters.
_LONGEST_DESCRIPTION = 400


@dataclass(frozen=True, slots=True)
class Environment:
    """One that was made. `created` is in Unix seconds; 0.0 for the one that is configured and was never made."""

    name: str
    description: str
    created: float


class Environments:
    """On the server's loop, which alone changes them.

    Args:
        default: the one that is configured; it is always there.
    """

    def __init__(self, database: Engine, default: str) -> None:
        self._database = database
        self._default = default
        self._known: dict[str, Environment] = {default: Environment(default, "", 0.0)}
        self._gate = asyncio.Lock()

    async def open(self) -> None:
        """Learn which there are."""
        self._known |= {each.name: each for each in await asyncio.to_thread(self._read)}

    def check(self, name: str) -> None:
        """Raises `NotFoundError`: there is none of this name."""
        if name not in self._known:
            raise NotFoundError(
                f"this server has no environment {name!r:.80} (it has: {', '.join(sorted(self._known))}): "
                f"`intermodal environment create {name:.80}` makes it"
            )

    def check_removable(self, name: str) -> None:
        """Raises `NotFoundError`, `InvalidError`: it is the one that is configured."""
        self.check(name)
        if name == self._default:
            raise InvalidError(
                f"{name!r} is the environment of this server's own (its setting `environment`), and always there"
            )

    def all(self) -> list[Environment]:
        """By name."""
        return [self._known[name] for name in sorted(self._known)]

    async def create(self, name: str, description: str) -> None:
        """Make one. Raises `AlreadyExistsError`, `InvalidError`."""
        if len(description) > _LONGEST_DESCRIPTION or not description.isprintable():
            raise InvalidError(
                f"{description!r:.80} cannot describe an environment: use at most {_LONGEST_DESCRIPTION} printable "
                "characters, in one line"
            )
        async with self._gate:
            if name in self._known:
                raise AlreadyExistsError(f"there is an environment {name!r} already: choose another name, or use it")
            made = Environment(name, description, time.time())
            await asyncio.to_thread(self._write, made)
            self._known[name] = made

    async def delete(self, name: str) -> None:
        """Nothing is found in it any more. Raises `NotFoundError`, `InvalidError`: it is the one that is configured."""
        async with self._gate:
            self.check_removable(name)
            await asyncio.to_thread(self._remove, name)
            del self._known[name]

    def _read(self) -> list[Environment]:
        with self._database.connect() as connection:
            return [Environment(*row) for row in connection.execute(select(ENVIRONMENTS))]

    def _write(self, made: Environment) -> None:
        row = {"name": made.name, "description": made.description, "created": made.created}
        with self._database.begin() as connection:
            connection.execute(insert(ENVIRONMENTS), [row])

    def _remove(self, name: str) -> None:
        with self._database.begin() as connection:
            connection.execute(delete(ENVIRONMENTS).where(ENVIRONMENTS.c.name == name))
