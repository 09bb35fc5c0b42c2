"""docs/configuration.md has every setting of core."""

from __future__ import annotations

import re
from pathlib import Path

from intermodal.plugins import Config

PAGE = (Path(__file__).parents[1] / "docs" / "configuration.md").read_text()


def test_every_setting_of_core_is_on_the_page() -> None:
    """With its environment variable, and what that is short for."""
    rows = [line.split("|") for line in PAGE.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`([a-z0-9_.*]+)`", row[1])}
    variables = {name for row in rows for name in re.findall(r"`(INTERMODAL_[A-Z0-9_]+)`", row[2])}
    missing = [each.option.name for each in Config.load(environ={}).settings() if each.option.name not in named]
    assert missing == []
    for each in Config.load(environ={}).settings():
        assert each.option.env in variables or "." in each.option.name, each.option.env
