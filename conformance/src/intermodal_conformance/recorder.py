"""What a test says about its own examples: how many there were, and of which kinds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

__all__ = ["Recorder"]


class Recorder:
    """Counts the examples of the test that runs, and holds them against quotas."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()
        self._quotas: dict[str, float] = {}
        self.examples = 0

    def clear(self) -> None:
        """Another test begins."""
        self._kinds.clear()
        self._quotas.clear()
        self.examples = 0

    def example(self, kinds: Iterable[str] = ()) -> None:
        """One more example, of these kinds."""
        self.examples += 1
        self._kinds.update(set(kinds))

    def require(self, quotas: Mapping[str, float]) -> None:
        """At least these shares of the examples must be of these kinds, else the test has shown nothing."""
        self._quotas.update(quotas)

    def missed(self) -> list[str]:
        """Each quota that was not met, in words."""
        return [
            f"only {self._kinds[kind]} of {self.examples} examples are {kind!r}, and {share:.0%} should be"
            for kind, share in self._quotas.items()
            if self._kinds[kind] < share * self.examples
        ]
