"""How a test of the suite says what it is evidence for."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

__all__ = ["Evidence", "evidence_of", "refusal", "requirement"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one test is about. With a `capability` it applies to backends that have it; a `refusal` to the others."""

    requirement: str
    capability: str | None = None
    refusal: bool = False

    def applies(self, supported: frozenset[str]) -> bool:
        """True where a backend with these capabilities must run the test."""
        return self.capability is None or (self.capability in supported) != self.refusal


def requirement(name: str, *, capability: str | None = None) -> pytest.MarkDecorator:
    """The test shows that the requirement is kept, by backends that have `capability`."""
    return pytest.mark.evidence(name, capability=capability, refusal=False)


def refusal(name: str, *, capability: str) -> pytest.MarkDecorator:
    """The test shows that a backend without `capability` refuses what the requirement is about."""
    return pytest.mark.evidence(name, capability=capability, refusal=True)


def evidence_of(item: pytest.Item) -> Evidence | None:
    """What a test is about; None for tests that say nothing."""
    mark = item.get_closest_marker("evidence")
    return None if mark is None else Evidence(mark.args[0], **mark.kwargs)
