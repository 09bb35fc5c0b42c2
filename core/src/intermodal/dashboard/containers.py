"""The containers that take inputs."""

from __future__ import annotations

from intermodal.dashboard.pages import Ask, Page, Shown, paged

__all__ = ["PAGE"]


async def _show(ask: Ask) -> Shown:
    part = paged(ask)
    search = ask.query.get("search", "").strip().lower()
    found = [
        (app, container)
        for app, container in ask.overview.activity.containers(ask.environment)
        if search in f"{app} {container.function} {container.id} {container.gpu or ''}".lower()
    ]
    shown = found[part.offset : part.offset + part.limit]
    return {"containers": shown, "page": part.of(len(found)), "search": search}


PAGE = Page("containers", "containers.html", _show, title="Containers", icon="container")
