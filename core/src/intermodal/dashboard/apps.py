"""The apps of an environment."""

from __future__ import annotations

from dataclasses import dataclass

from intermodal.dashboard.pages import Ask, Page, Shown, paged
from intermodal.dashboard.traffic import Figures, figures
from intermodal.server.activity import AppSeen
from intermodal.server.version_table import Version

__all__ = ["PAGE"]


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    version: Version | None
    figures: Figures
    running: int
    containers: int


async def _show(ask: Ask) -> Shown:
    part, search = paged(ask), ask.query.get("search", "").strip()
    versions, total = await ask.overview.deployments.apps(ask.environment, search, part.limit, part.offset)
    sessions = ask.overview.hosting.sessions(ask.environment)
    deployed = set(ask.overview.deployments.live_names(ask.environment))
    passing = sorted({session.app.name for session in sessions} - deployed - {version.app for version in versions})
    return {
        "rows": [_row(ask, version.app, version) for version in versions],
        "passing": [_row(ask, name, None) for name in passing[: part.limit] if search.lower() in name.lower()],
        "page": part.of(total),
        "search": search,
    }


def _row(ask: Ask, name: str, version: Version | None) -> _Row:
    def look(seen: AppSeen) -> _Row:
        running = sum(function.running for function in seen.functions.values())
        return _Row(name, version, figures(seen.minutes, ask.now), running, len(seen.containers))

    return ask.overview.activity.read((ask.environment, name), look)


PAGE = Page("apps", "apps.html", _show, title="Apps", icon="apps")
