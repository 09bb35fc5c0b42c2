"""Tokens: what they may be called, and what who shows a wrong one hears."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection

from intermodal.exception import InvalidError
from intermodal.server.access import Tokens
from intermodal.server.admission import Admission
from intermodal.server.database import open_database


@pytest.fixture
def tokens(tmp_path: Path, database_url: str) -> Iterator[Tokens]:
    database = open_database(tmp_path, database_url)
    yield Tokens(database)
    database.dispose()


@pytest.mark.parametrize("name", ["", " ", " laptop", "laptop ", "lap\ntop", "lap\x1btop", "lap\udc80top", "x" * 65])
def test_a_name_can_be_shown_in_a_line(tokens: Tokens, name: str) -> None:
    """The rule is told, and no more of the name than a line takes."""
    with pytest.raises(InvalidError, match="the name of a token: use 1 to 64 printable characters") as caught:
        tokens.create(name)
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()
    assert tokens.list() == []


@pytest.mark.parametrize("name", ["laptop", "Anna's laptop", "bärbel@host", "x" * 64])
def test_names_of_people_and_machines_will_do(tokens: Tokens, name: str) -> None:
    """With spaces within."""
    assert tokens.admitted(tokens.create(name)) == name


def test_no_token_and_one_that_opens_nothing_are_two_things(tokens: Tokens) -> None:
    """Mistyped, another server's, revoked: none of them is shown."""
    admission = Admission(tokens)

    def why(*headers: tuple[bytes, bytes]) -> str | None:
        connection = HTTPConnection({"type": "http", "headers": [(b"host", b"localhost"), *headers]})
        return asyncio.run(admission.admit(connection))[1]

    token = tokens.create("laptop")
    shown = b"authorization", f"Bearer {token}".encode()
    assert why(shown) is None
    tokens.revoke("laptop")
    for wrong in (shown, (b"authorization", b"Bearer imt-wrong")):
        said = why(wrong) or ""
        assert said.startswith("the server does not know this token (INTERMODAL_TOKEN): it has been revoked")
        assert "`intermodal token create NAME`" in said
        assert "imt-" not in said
    for none in ((), ((b"authorization", b"Bearer "),)):
        assert (why(*none) or "").startswith("the server wants a token (INTERMODAL_TOKEN): `intermodal token create")
