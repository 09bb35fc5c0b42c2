"""Sandboxes, how those ended that did, and a button to end the others."""

from __future__ import annotations

from intermodal.dashboard.named import matching, part_of
from intermodal.dashboard.pages import Ask, Page, Shown
from intermodal.server.sandboxes import SandboxView, sandboxes, terminate

__all__ = ["PAGE"]


async def _show(ask: Ask) -> Shown:
    search = matching(ask)
    found = await sandboxes(ask.overview.hosting, ask.environment)
    rows, page = part_of(ask, [each for each in found if search.lower() in _words(each).lower()])
    return {"sandboxes": rows, "page": page, "search": search}


def _words(sandbox: SandboxView) -> str:
    tags = " ".join(f"{name}={value}" for name, value in sandbox.tags.items())
    return f"{sandbox.id} {sandbox.app} {sandbox.name or ''} {tags} {sandbox.state}"


async def _terminate(ask: Ask) -> str:
    await terminate(ask.overview.hosting, ask.environment, ask.form.get("sandbox", ""))
    return "The sandbox is being terminated."


PAGE = Page("sandboxes", "sandboxes.html", _show, title="Sandboxes", icon="sandbox", actions={"terminate": _terminate})
