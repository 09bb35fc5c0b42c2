"""The apps of an environment."""

from __future__ import annotations

from intermodal.dashboard.pages import Ask, Page, Shown, paged

__all__ = ["PAGE"]


async def _show(ask: Ask) -> Shown:
    part, search = paged(ask), ask.query.get("search", "").strip()
    versions, total = await ask.overview.deployments.apps(ask.environment, search, part.limit, part.offset)
    return {"versions": versions, "page": part.of(total), "search": search}


PAGE = Page("apps", "apps.html", _show, title="Apps", icon="apps")
