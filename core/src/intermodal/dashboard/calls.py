"""The calls that were made lately, and those that the server keeps."""

from __future__ import annotations

from intermodal.dashboard.kept import together
from intermodal.dashboard.pages import Ask, Page, Shown, paged
from intermodal.server.activity import CallSeen
from intermodal.server.calls import Call

__all__ = ["PAGE"]

_STATES = ("running", "succeeded", "failed", "cancelled")
#: Kept calls that are listed; as many more of those that go on or have failed, where these are asked for.
_KEPT = 1000


async def _show(ask: Ask) -> Shown:
    part = paged(ask)
    app, function, state = (ask.query.get(name, "").strip() for name in ("app", "function", "state"))
    kept = await _kept(ask, app, state)
    calls = [
        (of, call)
        for of, call in together(_seen(ask, app), kept)
        if function in ("", call.function) and (not state or call.state == state)
    ]
    shown = calls[part.offset : part.offset + part.limit]
    wanted = {"app": app, "function": function, "state": state}
    return {"calls": shown, "page": part.of(len(calls)), "states": _STATES, "wanted": wanted}


async def _kept(ask: Ask, app: str, state: str) -> list[Call]:
    """The newest, whatever their state: what was seen of them may be out of date."""
    desk, of = ask.overview.calls, app or None
    found = await desk.list(ask.environment, app=of, limit=_KEPT)
    if len(found) == _KEPT and state in ("running", "failed"):
        which = {"pending": True} if state == "running" else {"failed": True}
        found += await desk.list(ask.environment, app=of, limit=_KEPT, **which)
    return found


def _seen(ask: Ask, app: str) -> list[tuple[str, CallSeen]]:
    """The newest first. Of one app more are known than of all together."""
    activity = ask.overview.activity
    if not app:
        return activity.recent(ask.environment)
    return activity.read((ask.environment, app), lambda seen: [(app, call) for call in seen.calls()])


PAGE = Page("calls", "calls.html", _show, title="Calls", icon="call")
