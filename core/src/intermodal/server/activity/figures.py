"""What an hour of calls comes to, in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

from intermodal.server.activity.cells import Cells, quantile

__all__ = ["Figures", "figures"]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the last hour: calls that ended, inputs that failed, and what half and 95 % of the calls took at most, in
    seconds."""

    calls: int
    failed: int
    p50: float | None
    p95: float | None


def figures(cells: Cells, now: float) -> Figures:
    """Of the last hour."""
    total = cells.total(now)
    return Figures(total.calls, total.failed, quantile(total.bins, 0.5), quantile(total.bins, 0.95))
