"""Which app of a file `deploy` and `serve` take, and how rows are shown."""

from __future__ import annotations

import json
from types import ModuleType

import click
import pytest

import intermodal
from intermodal.cli.entrypoints import choose_app
from intermodal.cli.named import show
from intermodal.cli.target import Reference


def module_with(**apps: intermodal.App) -> ModuleType:
    """A user's file with these at its top level."""
    found = ModuleType("shop")
    vars(found).update(apps)
    return found


def app_with(name: str) -> intermodal.App:
    """One with a function of that name."""

    def stands_for_one() -> None: ...

    stands_for_one.__qualname__ = name
    app = intermodal.App(name)
    app.function(name=name)(stands_for_one)
    return app


def test_of_two_apps_one_is_to_be_named() -> None:
    """Neither is taken silently; the only one is, and one that includes all others."""
    shop, till = app_with("shop"), app_with("till")
    module = module_with(shop=shop, till=till)
    with pytest.raises(click.UsageError, match=r"has several apps: choose one with shop.py::NAME. Apps: shop, till"):
        choose_app(module, Reference("shop.py", None, False))
    assert choose_app(module, Reference("shop.py", "shop", False)) is shop
    assert choose_app(module_with(shop=shop), Reference("shop.py", None, False)) is shop
    both = intermodal.App("both").include(shop).include(till)
    assert choose_app(module_with(both=both, shop=shop, till=till), Reference("shop.py", None, False)) is both


def test_a_row_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Of texts with several lines the first is shown, and nothing that a terminal would obey; JSON has all."""
    rows = [
        {"app": "shop", "copy_of": None, "error": "exit 7\n$ apt\n"},
        {"app": "a\x1b[2J", "copy_of": 3, "error": ""},
    ]
    show(rows, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [
        ["app", "copy_of", "error"],
        ["shop", "exit", "7", "[...]"],
        ["a\\x1b[2J", "3"],
    ]
    show(rows, as_json=True)
    assert json.loads(capsys.readouterr().out) == rows
