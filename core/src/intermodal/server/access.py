"""Tokens: who may use a server that others can reach. Kept as digests, shown once."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from dataclasses import dataclass

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from intermodal.exception import AlreadyExistsError, InvalidError, NotFoundError
from intermodal.server.database import TOKENS

__all__ = ["Token", "Tokens", "digest"]

_PREFIX = "imt-"
#: Characters.
_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class Token:
    """One that was given out. `created` is in Unix seconds."""

    name: str
    created: float


class Tokens:
    """The tokens of one server. On any thread."""

    def __init__(self, database: Engine) -> None:
        self._database = database

    def create(self, name: str) -> str:
        """A new token; this is the only time that it is seen. Raises `AlreadyExistsError`, `InvalidError`."""
        if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable() or name != name.strip():
            raise InvalidError(
                f"{name!r:.80} cannot be the name of a token: use 1 to {_LONGEST_NAME} printable characters, with no "
                "space at either end"
            )
        token = _PREFIX + secrets.token_urlsafe(32)
        row = {"name": name, "digest": digest(token), "created": time.time()}
        try:
            with self._database.begin() as connection:
                connection.execute(insert(TOKENS), [row])
        except IntegrityError:
            raise AlreadyExistsError(
                f"there is a token named {name!r} already: choose another name, or revoke it first"
            ) from None
        return token

    def revoke(self, name: str) -> None:
        """It opens nothing from now on; the server soon closes what it has opened. Raises `NotFoundError`."""
        with self._database.begin() as connection:
            if not connection.execute(delete(TOKENS).where(TOKENS.c.name == name)).rowcount:
                raise NotFoundError(f"there is no token named {name!r}: `intermodal token ls` lists them")

    def list(self) -> list[Token]:
        """All, by name."""
        with self._database.connect() as connection:
            rows = connection.execute(select(TOKENS.c.name, TOKENS.c.created).order_by(TOKENS.c.name))
            return [Token(name, created) for name, created in rows]

    async def admits(self, token: str) -> bool:
        """Whether it was given out and not revoked; for event loops."""
        return bool(token) and await asyncio.to_thread(self.admitted, token) is not None

    def admitted(self, token: str) -> str | None:
        """The name of one that was given out and not revoked. In time that tells nothing about the others, as only
        digests are compared."""
        return self.holder(digest(token))

    def holder(self, digest: str) -> str | None:
        """The same by its digest."""
        with self._database.connect() as connection:
            name = connection.execute(select(TOKENS.c.name).where(TOKENS.c.digest == digest)).scalar()
            return None if name is None else str(name)


def digest(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
