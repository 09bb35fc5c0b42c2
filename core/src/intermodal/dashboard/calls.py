"""The calls that were made lately."""

from __future__ import annotations

from intermodal.dashboard.pages import Ask, Page, Shown, paged
from intermodal.server.activity import CallSeen

__all__ = ["PAGE"]

_STATES = ("running", "succeeded", "failed", "cancelled")


async def _show(ask: Ask) -> Shown:
    part = paged(ask)
    app, function, state = (ask.query.get(name, "").strip() for name in ("app", "function", "state"))
    calls = [
        (of, call)
        for of, call in _all(ask, app)
        if function in ("", call.function) and (not state or call.state == state)
    ]
    shown = calls[part.offset : part.offset + part.limit]
    wanted = {"app": app, "function": function, "state": state}
    return {"calls": shown, "page": part.of(len(calls)), "states": _STATES, "wanted": wanted}


def _all(ask: Ask, app: str) -> list[tuple[str, CallSeen]]:
    """Of one app more are kept than of all together."""
    activity = ask.overview.activity
    if not app:
        return activity.recent(ask.environment)
    return activity.read((ask.environment, app), lambda seen: [(app, call) for call in seen.calls()])


PAGE = Page("calls", "calls.html", _show, title="Calls", icon="call")
