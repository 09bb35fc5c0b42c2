"""The suite catches every mutant in the requirement that is named for it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from mutants.planting import GuestPatch
from mutants.running import AT_ONCE, Examiner, Found
from mutants.table import MUTANTS, Mutant, as_markdown

HERE = Path(__file__).parent
DOCS = HERE.parents[2] / "docs" / "conformance.md"

Examining = dict[str, Future[Found]]


@pytest.fixture(scope="session")
def examining(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examining]:
    """Examine all mutants whose tests were chosen, several at a time."""
    wanted = [
        item.callspec.params["mutant"]
        for item in request.session.items
        if isinstance(item, pytest.Function) and "examining" in item.fixturenames
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        examiner = Examiner("local", tmp_path_factory.mktemp("mutants"))
        yield {mutant.name: pool.submit(examiner, mutant) for mutant in wanted}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_suite_catches(mutant: Mutant, examining: Examining) -> None:
    """In the named requirement; and what the bug does not touch still passes."""
    found = examining[mutant.name].result()
    assert found.caught, f"{mutant.name}: {mutant.requirement} is {found.status}, {mutant.keeps} {found.harmless}"


def test_every_module_is_in_the_table_and_says_what_it_does() -> None:
    """No mutant is forgotten; there are enough of each kind."""
    there = {
        f"{kind}.{path.stem}" for kind in ("backend", "engine", "guest") for path in (HERE / kind).glob("[!_]*.py")
    }
    assert there == {mutant.name for mutant in MUTANTS}
    assert len(MUTANTS) >= 22
    assert sum(mutant.kind == "backend" for mutant in MUTANTS) >= 9
    assert all(mutant.does.endswith(".") for mutant in MUTANTS)


@pytest.mark.parametrize("mutant", [m for m in MUTANTS if m.kind == "guest"], ids=lambda mutant: mutant.name)
def test_the_guests_code_still_has_what_the_bug_changes(mutant: Mutant) -> None:
    """A patch that no longer applies raises when its module is imported."""
    assert isinstance(importlib.import_module(mutant.plugin).BUG, GuestPatch)


def test_the_documentation_has_the_table() -> None:
    """`python -m mutants --markdown` prints it."""
    assert as_markdown() in DOCS.read_text()
