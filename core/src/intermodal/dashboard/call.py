"""One call: where its inputs stand, and what they raised."""

from __future__ import annotations

from intermodal.dashboard.pages import Ask, Page, Shown
from intermodal.exception import NotFoundError
from intermodal.server.activity import AppSeen, CallSeen

__all__ = ["PAGE"]

#: Calls made by this one that are listed.
_MADE = 50


async def _show(ask: Ask) -> Shown:
    app, call = _found(ask)

    def look(seen: AppSeen) -> list[tuple[str, CallSeen]]:
        return [(app, each) for each in seen.calls() if each.parent == call.id][:_MADE]

    made = ask.overview.activity.read((ask.environment, app), look)
    open_inputs = None if call.total is None else call.total - call.succeeded - call.failed - call.cancelled
    return {"app": app, "call": call, "made": made, "open": open_inputs}


def _found(ask: Ask) -> tuple[str, CallSeen]:
    found = ask.overview.activity.find(ask.path["call"])
    if found is None or found[0][0] != ask.environment:
        raise NotFoundError(
            f"no call {ask.path['call']!r:.80} is known here: it may be of before the server began, or long ago"
        )
    return found[0][1], found[1]


async def _cancel(ask: Ask) -> str:
    app, call = _found(ask)
    if call.ended is not None:
        raise NotFoundError("the call has ended already")
    for session in ask.overview.hosting.sessions(ask.environment, app):
        if session.knows(call.id):
            session.client.request("call.cancel", {"call": call.id})
            return "The call is being cancelled: what has no result gets none."
    raise NotFoundError("what runs this call is ending, and the call with it")


PAGE = Page("calls/{call}", "call.html", _show, section="calls", actions={"cancel": _cancel})
