"""The states of an app's deployed versions (deploy.rolling): what happened goes in, which states change comes out.

Pure: no clock, no disk. `Deployments` carries out what the changes mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

__all__ = [
    "OVER",
    "AppStopped",
    "Begun",
    "Broken",
    "Drained",
    "Event",
    "Ready",
    "Restarted",
    "State",
    "changes",
    "earlier",
]

#: A version is made (deploying), takes calls (live), ends those it has (draining), and is over (stopped, failed).
State: TypeAlias = Literal["deploying", "live", "draining", "stopped", "failed"]

#: States that nothing changes any more.
OVER: frozenset[State] = frozenset(("stopped", "failed"))


@dataclass(frozen=True, slots=True)
class Begun:
    """A new version, of the highest number so far, is being made."""

    number: int


@dataclass(frozen=True, slots=True)
class Ready:
    """All that a version needs is there."""

    number: int


@dataclass(frozen=True, slots=True)
class Broken:
    """A version will never be ready."""

    number: int


@dataclass(frozen=True, slots=True)
class Drained:
    """The last call of a version has ended."""

    number: int


@dataclass(frozen=True, slots=True)
class AppStopped:
    """Nothing of the app is to run any more."""


@dataclass(frozen=True, slots=True)
class Restarted:
    """The server begins: what was under way when it ended is not."""


Event: TypeAlias = Begun | Ready | Broken | Drained | AppStopped | Restarted


def changes(states: Mapping[int, State], event: Event) -> dict[int, State]:
    """The versions that change, and what they become. What happens too late to matter changes nothing.

    At most one version is live, and it is the newest of those that became ready: one that is ready only after a newer
    one took over is stopped at once.
    """
    match event:
        case Begun(number):
            return {number: "deploying"}
        case Ready(number):
            return _ready(states, number) if states.get(number) == "deploying" else {}
        case Broken(number):
            return {number: "failed"} if states.get(number) == "deploying" else {}
        case Drained(number):
            return {number: "stopped"} if states.get(number) == "draining" else {}
        case AppStopped():
            return {number: "stopped" for number, state in states.items() if state not in OVER}
        case Restarted():
            became: Mapping[State, State] = {"deploying": "failed", "draining": "stopped"}
            return {number: became[state] for number, state in states.items() if state in became}
    assert_never(event)


def _ready(states: Mapping[int, State], number: int) -> dict[int, State]:
    live = [other for other, state in states.items() if state == "live"]
    if any(other > number for other in live):
        return {number: "stopped"}
    return {**dict.fromkeys(live, "draining"), number: "live"}


def earlier(states: Mapping[int, State], copies: Mapping[int, int]) -> int | None:
    """The version that a rollback goes to which names none: the newest before the live one that has taken calls. A live
    one that is a copy stands where what it was copied from stood, so that one rollback after another goes further back.

    Args:
        copies: of which version some are copies.
    """
    live = next((number for number, state in states.items() if state == "live"), None)
    served = [number for number, state in states.items() if state in ("stopped", "draining")]
    if live is None:
        return max(served, default=None)
    return max((number for number in served if number < copies.get(live, live)), default=None)
