"""Functions that run by themselves: when they did and when they will, and buttons to run, pause and resume them."""

from __future__ import annotations

from dataclasses import dataclass

from intermodal.dashboard.named import matching, part_of
from intermodal.dashboard.pages import Ask, Page, Shown
from intermodal.server.schedules import Key, Run, Schedule
from intermodal.server.schedules.slots import in_words

__all__ = ["PAGE", "RUNS"]


@dataclass(frozen=True, slots=True)
class _Row:
    """A schedule as it is shown."""

    key: Key
    when: str
    paused: bool
    next: float | None
    last: Run | None


async def _row(ask: Ask, schedule: Schedule, following: float | None) -> _Row:
    runs = await ask.overview.schedules.runs(schedule.key)
    return _Row(schedule.key, in_words(schedule.spec), schedule.paused, following, runs[0] if runs else None)


async def _show(ask: Ask) -> Shown:
    search = matching(ask)
    found = ask.overview.schedules.all(ask.environment)
    some = [each for each in found if search in each[0].key.app or search in each[0].key.function]
    rows, page = part_of(ask, some)
    return {"schedules": [await _row(ask, *each) for each in rows], "page": page, "search": search}


async def _show_runs(ask: Ask) -> Shown:
    key = Key(ask.environment, ask.path["app"], ask.path["function"])
    of_key = [each for each in ask.overview.schedules.all(ask.environment) if each[0].key == key]
    runs, page = part_of(ask, await ask.overview.schedules.runs(key))
    schedule = await _row(ask, *of_key[0]) if of_key else None
    return {"key": key, "schedule": schedule, "runs": runs, "page": page}


def _key(ask: Ask) -> Key:
    return Key(ask.environment, ask.form.get("app", ""), ask.form.get("function", ""))


async def _run(ask: Ask) -> str:
    key = _key(ask)
    call = await ask.overview.schedules.run_now(key)
    return f"{key.function} of {key.app} runs now: its call is {call}."


async def _pause(ask: Ask) -> str:
    key = _key(ask)
    await ask.overview.schedules.pause(key)
    return f"{key.function} of {key.app} does not run by itself until it is resumed."


async def _resume(ask: Ask) -> str:
    key = _key(ask)
    await ask.overview.schedules.resume(key)
    return f"{key.function} of {key.app} runs by itself again, from its next time on."


_ACTIONS = {"run": _run, "pause": _pause, "resume": _resume}
PAGE = Page("schedules", "schedules.html", _show, title="Schedules", icon="schedule", actions=_ACTIONS)
RUNS = Page("schedules/{app}/{function}", "schedule.html", _show_runs, section="schedules", actions=_ACTIONS)
