"""What was deployed lately, of all apps of an environment."""

from __future__ import annotations

from intermodal.dashboard.pages import Ask, Page, Shown, paged

__all__ = ["PAGE"]


async def _show(ask: Ask) -> Shown:
    part = paged(ask)
    versions, total = await ask.overview.deployments.recent(ask.environment, part.limit, part.offset)
    return {"versions": versions, "page": part.of(total)}


PAGE = Page("deployments", "deployments.html", _show, title="Deployments", icon="deploy")
