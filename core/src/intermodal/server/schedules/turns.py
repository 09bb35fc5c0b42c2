"""Whether a schedule runs now. Pure; that a slot runs once is the table's, which takes each only once."""

from __future__ import annotations

from intermodal.server.schedules.slots import Slots, due

__all__ = ["turn"]

#: Seconds that a clock may be set back and still be believed when it said that slots were over.
_MENDED_S = 86400.0


def turn(times: Slots, seen: float, now: float) -> tuple[float | None, float]:
    """The slot to run at `now`, if any, and up to when slots are seen to.

    A clock that goes back brings no slot again. One that had been wrong by more than a day does not silence the
    schedule until that day: it goes on from now.
    """
    if seen > now + _MENDED_S:
        return None, now
    slot = due(times, seen, now)
    return slot, seen if slot is None else slot
