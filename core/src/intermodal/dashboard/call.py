"""One call: where its inputs stand, and what they raised."""

from __future__ import annotations

from typing import Any

from intermodal.dashboard.kept import failures_of, together, told
from intermodal.dashboard.pages import Ask, Page, Shown, paged
from intermodal.exception import InvalidError, NotFoundError
from intermodal.server.activity import AppSeen, CallSeen
from intermodal.server.calls import Call

__all__ = ["PAGE"]

#: Calls made by this one that are listed; failed inputs that are shown at once, with their tracebacks.
_MADE, _FAILURES = 50, 20


async def _show(ask: Ask) -> Shown:
    app, call, kept = await _found(ask)

    def look(seen: AppSeen) -> list[tuple[str, CallSeen]]:
        return [(app, each) for each in seen.calls() if each.parent == call.id][:_MADE]

    kept_made = await ask.overview.calls.list(ask.environment, parent=call.id, limit=_MADE)
    made = together(ask.overview.activity.read((ask.environment, app), look), kept_made)[:_MADE]
    open_inputs = None if call.total is None else call.total - call.succeeded - call.failed - call.cancelled
    return {"app": app, "call": call, "made": made, "open": open_inputs, "kept": kept, **await _inputs(ask, call, kept)}


async def _inputs(ask: Ask, call: CallSeen, kept: Call | None) -> dict[str, Any]:
    """A part of the failed inputs, or of all where that is asked for or none has failed; what was seen of those that
    are not kept."""
    if kept is None or kept.expired is not None:
        return {"failures": call.failures, "inputs": None, "page": None}
    if ask.query.get("inputs") == "all" or not kept.states.failed:
        part = paged(ask)
        inputs = await ask.overview.calls.inputs(kept, part.offset, part.limit)
        return {"failures": [], "inputs": inputs, "page": part.of(kept.inputs)}
    part = paged(ask, _FAILURES)
    failed = await ask.overview.calls.failed_inputs(kept, part.offset, part.limit)
    return {"failures": failures_of(kept, failed), "inputs": None, "page": part.of(kept.states.failed)}


async def _found(ask: Ask) -> tuple[str, CallSeen, Call | None]:
    """The app, the call, and what is kept of it."""
    kept = await _kept(ask)
    found = ask.overview.activity.find(ask.path["call"])
    seen = None if found is None or found[0][0] != ask.environment else found[1]
    if kept is not None:
        return kept.app, told(kept, seen), kept
    if found is None or seen is None:
        raise NotFoundError(
            f"no call {ask.path['call']!r:.80} is known here: it may be of before the server began, or long ago"
        )
    return found[0][1], seen, None


async def _kept(ask: Ask) -> Call | None:
    try:
        return await ask.overview.calls.find(ask.environment, ask.path["call"])
    except NotFoundError:
        return None


async def _cancel(ask: Ask) -> str:
    app, call, kept = await _found(ask)
    if call.ended is not None:
        raise NotFoundError("the call has ended already")
    if kept is not None:
        await ask.overview.calls.cancel(kept)
        return _CANCELLED
    for session in ask.overview.hosting.sessions(ask.environment, app):
        if session.knows(call.id):
            session.client.request("call.cancel", {"call": call.id})
            return _CANCELLED
    raise NotFoundError("what runs this call is ending, and the call with it")


_CANCELLED = "The call is being cancelled: what has no result gets none."


async def _retry(ask: Ask) -> str:
    """The failed input that the form names, or all."""
    text = ask.form.get("input")
    if text is not None and not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise InvalidError("say which input is to run again")
    call = await ask.overview.calls.find(ask.environment, ask.path["call"])
    again = await ask.overview.calls.retry(call, None if text is None else [int(text)])
    return "One input runs again." if len(again) == 1 else f"{len(again)} inputs run again."


PAGE = Page("calls/{call}", "call.html", _show, section="calls", actions={"cancel": _cancel, "retry": _retry})
