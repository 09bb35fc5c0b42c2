"""Profiles: how many random programs a run tries, how large, and from which seed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.database import DirectoryBasedExampleDatabase

__all__ = ["PROFILES", "Profile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """`examples` programs for each test, of at most `operations` each. Deadlines are seconds."""

    name: str
    examples: int
    operations: int
    random: bool
    test_deadline_s: float
    run_deadline_s: float

    def settings(self, database: Path | None) -> hypothesis.settings:
        """What hypothesis is told. Nothing is explained by further runs: containers are too slow for that."""
        return hypothesis.settings(
            max_examples=self.examples,
            deadline=None,
            derandomize=not self.random,
            database=None if database is None else DirectoryBasedExampleDatabase(database),
            phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            print_blob=False,
        )


PROFILES = {
    profile.name: profile
    for profile in (
        Profile(name="ci", examples=30, operations=12, random=False, test_deadline_s=90, run_deadline_s=900),
        Profile(name="dev", examples=100, operations=50, random=True, test_deadline_s=300, run_deadline_s=3600),
        Profile(name="nightly", examples=500, operations=50, random=True, test_deadline_s=1800, run_deadline_s=14400),
    )
}
