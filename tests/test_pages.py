"""The collector of documentation pages: what runs, and what counts as the output that a page promises."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    """The root conftest.py, as a module to call."""
    spec = importlib.util.spec_from_file_location("pages_conftest", ROOT / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def run(pages: ModuleType, text: str, directory: Path) -> None:
    """Run every block of a page."""
    for block in pages.blocks_of(text):
        block.run(directory, dict(os.environ))


def test_blocks_that_do_not_run_are_left_out(pages: ModuleType) -> None:
    """Other languages and blocks marked with a reason are text."""
    page = "```sh\nfalse\n```\n<!-- not run: a reason -->\n```python\nraise SystemExit(1)\n```\n```python\npass\n```\n"
    assert [block.body for block in pages.blocks_of(page)] == ["pass\n"]


def test_a_titled_block_becomes_a_file_that_later_blocks_use(pages: ModuleType, tmp_path: Path) -> None:
    """Blocks of a page share a directory."""
    page = '```toml title="a/b.toml"\nx = 1\n```\n```console\n$ cat a/b.toml\nx = 1\n```\n'
    run(pages, page, tmp_path)


def test_output_that_differs_from_the_page_fails(pages: ModuleType, tmp_path: Path) -> None:
    """The failure names the line and shows both."""
    with pytest.raises(pages.BlockFailed, match=r"(?s)line 2.*one.*two"):
        run(pages, "\n```console\n$ echo one\ntwo\n```\n", tmp_path)


def test_dots_stand_for_any_text(pages: ModuleType, tmp_path: Path) -> None:
    """Also for none, and for several lines."""
    run(pages, "```console\n$ printf 'a\\nb\\nc\\n'\na\n...c\n```\n", tmp_path)


def test_a_command_that_fails_is_a_failure_unless_the_page_says_so(pages: ModuleType, tmp_path: Path) -> None:
    """`title="fails"` turns it around."""
    with pytest.raises(pages.BlockFailed):
        run(pages, "```console\n$ false\n```\n", tmp_path)
    run(pages, '```console title="fails"\n$ false\n```\n', tmp_path)
    with pytest.raises(pages.BlockFailed):
        run(pages, '```console title="fails"\n$ true\n```\n', tmp_path)
