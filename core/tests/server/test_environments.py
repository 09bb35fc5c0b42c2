"""Environments of a server: which there are, across restarts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import text

from intermodal.exception import AlreadyExistsError, InvalidError, NotFoundError
from intermodal.server.database import open_database
from intermodal.server.environments import Environments


def opened(directory: Path, default: str = "main") -> Environments:
    """Those of a server that starts over this directory."""
    found = Environments(open_database(directory), default)
    asyncio.run(found.open())
    return found


def names(environments: Environments) -> list[str]:
    """All."""
    return [each.name for each in environments.all()]


def test_they_stay_and_the_default_is_always_there(tmp_path: Path) -> None:
    """Whatever it is called when a server starts, and whether it was ever made."""
    first = opened(tmp_path)
    asyncio.run(first.create("staging", "what goes live on Monday"))
    assert names(first) == ["main", "staging"]
    again = opened(tmp_path, "prod")
    assert names(again) == ["prod", "staging"]
    assert [each.description for each in again.all()] == ["", "what goes live on Monday"]
    asyncio.run(again.delete("staging"))
    assert names(opened(tmp_path)) == ["main"]


def test_what_is_not_there_is_refused_with_what_is(tmp_path: Path) -> None:
    """And with the command that makes it."""
    environments = opened(tmp_path)
    environments.check("main")
    with pytest.raises(NotFoundError, match=r"\(it has: main\): `intermodal environment create prod` makes it"):
        environments.check("prod")
    with pytest.raises(NotFoundError):
        asyncio.run(environments.delete("prod"))
    with pytest.raises(InvalidError, match="always there"):
        asyncio.run(environments.delete("main"))
    with pytest.raises(AlreadyExistsError):
        asyncio.run(environments.create("main", ""))
    for description in ("x" * 401, "two\nlines"):
        with pytest.raises(InvalidError, match="cannot describe an environment"):
            asyncio.run(environments.create("prod", description))


def test_two_that_make_one_do_not_both_succeed(tmp_path: Path) -> None:
    """One of them hears that it is there."""
    environments = opened(tmp_path)

    async def both() -> list[BaseException | None]:
        return await asyncio.gather(*(environments.create("prod", "") for _ in range(2)), return_exceptions=True)

    first, second = asyncio.run(both())
    assert first is None
    assert isinstance(second, AlreadyExistsError)


def test_where_apps_were_deployed_is_one(tmp_path: Path) -> None:
    """Databases from before have deployments in environments that nobody made."""
    database = open_database(tmp_path)
    with database.begin() as connection:
        connection.execute(text("DROP TABLE environments"))
        connection.execute(text("ALTER TABLE versions DROP COLUMN copy_of"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
        for number in (1, 2):
            connection.execute(
                text("INSERT INTO versions VALUES ('old', 'shop', :number, 'stopped', '{}', 0, '', '', '', 0, 0, '')"),
                {"number": number},
            )
    assert names(opened(tmp_path)) == ["main", "old"]
