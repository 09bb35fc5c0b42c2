"""Deployed versions in a database (deploy.rolling)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from intermodal.exception import NotFoundError
from intermodal.server.database import open_database
from intermodal.server.version_table import Label, VersionTable


@pytest.fixture
def table(tmp_path: Path, database_url: str) -> Iterator[VersionTable]:
    database = open_database(tmp_path, database_url)
    yield VersionTable(database)
    database.dispose()


def test_versions_are_numbered_within_their_app(table: VersionTable) -> None:
    """And listed with it, the oldest first: apps in the order of their letters, capital ones before."""
    for app in ("shop", "Zoo", "shop", "bank"):
        table.begin("main", app, "{}", warm=app == "shop", label=Label())
    table.begin("dev", "shop", "{}", warm=False, label=Label())
    assert [(each.environment, each.app, each.number, each.warm) for each in table.all()] == [
        ("dev", "shop", 1, False),
        ("main", "Zoo", 1, False),
        ("main", "bank", 1, False),
        ("main", "shop", 1, True),
        ("main", "shop", 2, True),
    ]
    assert [each.number for each in table.all("main", "shop")] == [1, 2]


def test_states_change_together(table: VersionTable) -> None:
    """What is said of one that failed stays when its state changes again."""
    for _ in range(3):
        table.begin("main", "shop", "{}", warm=False, label=Label())
    table.change("main", "shop", {1: "failed"}, "no such file")
    table.change("main", "shop", {1: "stopped", 2: "live"})
    states = {each.number: (each.state, each.error) for each in table.all()}
    assert states == {1: ("stopped", "no such file"), 2: ("live", ""), 3: ("deploying", "")}


def test_a_package_comes_back_as_it_was_kept(table: VersionTable) -> None:
    """And is gone with its version."""
    package = '{"secret": "\\u0000 ü \U0001f600 \'; --"}' + " " * 100_000
    version = table.begin("main", "shop", package, warm=False, label=Label())
    assert table.package("main", "shop", version.number) == package
    table.forget("main", "shop", version.number)
    with pytest.raises(NotFoundError, match="there is no version 1 of app 'shop'"):
        table.package("main", "shop", version.number)


@pytest.mark.parametrize(
    ("said", "kept"), [("a\0b", "a\ufffdb"), ("a\udcffb", "a?b"), ("ü \U0001f600", "ü \U0001f600"), ("'; --", "'; --")]
)
def test_what_clients_say_of_a_version_can_be_any_text(table: VersionTable, said: str, kept: str) -> None:
    """What is no text for a database is replaced."""
    table.begin("main", "shop", "{}", warm=False, label=Label(client=said, tag=said, author=said))
    table.change("main", "shop", {1: "failed"}, said)
    (version,) = table.all()
    assert {version.client, version.tag, version.author, version.error} == {kept}
