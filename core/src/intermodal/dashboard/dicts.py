"""Named dicts, and how many entries they have. Keys and values are the programs' own: nothing here opens them."""

from __future__ import annotations

from intermodal.dashboard.named import matching, part_of, request
from intermodal.dashboard.pages import Ask, Page, Shown

__all__ = ["PAGE"]


async def _show(ask: Ask) -> Shown:
    found = (await request(ask, "dict.list", environment="")).value
    search = matching(ask)
    rows, page = part_of(ask, [each for each in found if search in each["name"]])
    return {"dicts": rows, "page": page, "search": search}


PAGE = Page("dicts", "dicts.html", _show, title="Dicts", icon="dict")
