"""The engine in a simulated world: virtual time, seeded, with faults. `python -m simulator --seed N` replays one.

`World` is what a test drives by hand; `Scenario` is a world drawn from a seed, with faults and all invariants.
"""

from __future__ import annotations

from .faults import CALM, CHAOS, Fault, Odds
from .program import Program
from .scenario import Scenario
from .world import World

__all__ = ["CALM", "CHAOS", "Fault", "Odds", "Program", "Scenario", "World"]
