"""The table of what was measured, and the words around it."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Literal, TypeAlias

from state.work import OPERATIONS, Rates

__all__ = ["Place", "Results", "add", "page"]

Place: TypeAlias = Literal["here", "in a container"]
#: place → who → operation → one rate for each round
Results: TypeAlias = dict[Place, dict[str, dict[str, list[float]]]]

_PAGE = Path(__file__).parent / "page.md.in"


def add(results: Results, place: Place, who: str, rates: Rates) -> None:
    """One round."""
    for operation, rate in rates.items():
        results.setdefault(place, {}).setdefault(who, {}).setdefault(operation, []).append(rate)


def table(results: Results) -> str:
    """Rates a second, and ours as a multiple of each peer's."""
    rows = [
        "| where | operation | Intermodal /s | Redis /s | × | Redis with AOF /s | × |",
        "|---|---|---|---|---|---|---|",
    ]
    for place, found in results.items():
        for operation in OPERATIONS:
            ours = median(found["intermodal"][operation])
            cells = [place, f"`{operation}`", f"{ours:,.0f}"]
            for peer in ("redis", "redis-aof"):
                theirs = median(found[peer][operation]) if peer in found else None
                cells += ["–", "–"] if theirs is None else [f"{theirs:,.0f}", f"{ours / theirs:.2f}"]
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def page(results: Results, rounds: int, count: int) -> str:
    """The table, and what it says."""
    return _PAGE.read_text().format(table=table(results), rounds=rounds, count=count)
