"""What goes wrong. `Fault` has the numbers of the project's fault table; `Odds` is what the containers and the network
of one world do by chance."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

__all__ = ["CALM", "CHAOS", "Fault", "Odds", "odds_for"]


class Fault(IntEnum):
    """Faults that can be seen from the engine. The comments say how they are simulated."""

    CRASH = 1  # a container dies at any moment, starting ones too; its exit is seen up to 2 s later
    CLIENT_AWAY = 4  # a client's connection breaks; it comes back and goes on at its cursor, or stays away too long
    PARTITION = 5  # a container is cut off: briefly, or past its lease, so that it is lost; it heals and talks on
    RESUBMIT = 6  # a submission is repeated because its answer was lost, and so are parts of its inputs
    DUPLICATE = 7  # results come twice, late, in another order
    CLOCK = 8  # the clock that the engine is given jumps back or forth by an hour
    POISON = 15  # inputs that kill their container, containers that never start
    READER = 17  # whoever reads a generator is slow, or never reads
    STUBBORN = 18  # containers ignore cancellation and stopping, and take long to die


@dataclass(frozen=True, kw_only=True)
class Odds:
    """Chances from 0 to 1, and delays in seconds.

    Args:
        duplicate: a result is sent a second time a little later.
        late: a result that was under way when its container died arrives after its exit.
        crash: a container dies after a result.
        start: a start dies, raises, hangs, or finds no room on the host.
        deaf: an input ignores cancellation.
        up_s: a message from a container takes up to so long.
        reorder: a result takes a way of its own, before or after others.
        exit_s: a container's end is seen up to so much later.
        kill_s: a killed container takes up to so long to be gone.
        stay: a container ignores Stop.
    """

    duplicate: float = 0.0
    late: float = 0.0
    crash: float = 0.0
    start: float = 0.0
    deaf: float = 0.0
    up_s: float = 0.0
    reorder: float = 0.0
    exit_s: float = 0.0
    kill_s: float = 0.002
    stay: float = 0.0


CALM = Odds()
CHAOS = Odds(duplicate=0.2, late=0.3, crash=0.02)


def odds_for(faults: frozenset[Fault]) -> Odds:
    """The odds of a world with these faults."""
    odds = CALM
    if Fault.CRASH in faults:
        odds = replace(odds, crash=0.02, late=0.3, exit_s=1.5)
    if Fault.DUPLICATE in faults:
        odds = replace(odds, duplicate=0.2, late=0.5, up_s=0.02, reorder=0.3)
    if Fault.POISON in faults:
        odds = replace(odds, start=0.15)
    if Fault.STUBBORN in faults:
        odds = replace(odds, deaf=0.5, kill_s=3.0, stay=0.3)
    return odds
