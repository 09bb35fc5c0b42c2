"""The page docs/sandbox-benchmarks.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from figures import Limit, Numbers
from machine import busy, described, number, table

__all__ = ["TARGETS", "page", "tables"]


@dataclass(frozen=True)
class Target:
    """A figure to reach on `backends`: `value` gives it from a backend's medians."""

    title: str
    backends: tuple[str, ...]
    value: Callable[[Mapping[str, float]], float]
    limit: Limit


TARGETS = (
    Target("create → first output", ("local",), lambda own: own["first output"], Limit(most=40, unit="ms")),
    Target(
        "create → first output ÷ `ENGINE run`",
        ("docker", "podman"),
        lambda own: own["first output"] / own["plain"],
        Limit(most=1.3),
    ),
    Target("`true` in one that runs", ("local", "docker", "podman"), lambda own: own["exec"], Limit(most=8, unit="ms")),
)
_ROWS = (
    ("`ENGINE run --rm IMAGE echo hello`", "plain"),
    ("create → first command's output", "first output"),
    ("`true` in a sandbox that runs", "exec"),
)


def tables(numbers: Mapping[str, Numbers]) -> str:
    """What was measured, then what was reached, as Markdown."""
    medians = {backend: {what: median(values) for what, values in found.items()} for backend, found in numbers.items()}
    rows = [
        [title, *(f"{number(own[what])} ms" if what in own else "–" for own in medians.values())]
        for title, what in _ROWS
    ]
    reached = []
    for target in TARGETS:
        for backend in target.backends:
            if backend in medians:
                value, limit = target.value(medians[backend]), target.limit
                reached.append(
                    [target.title, backend, str(limit), f"{number(value)} {limit.unit}", limit.verdict(value)]
                )
    measured = table(["median", *medians], rows)
    return f"{measured}\n\n## Against the figures to reach\n\n" + table(
        ["figure", "backend", "target", "measured", ""], reached
    )


def page(numbers: Mapping[str, Numbers], rounds: int) -> str:
    """The whole page."""
    template = Path(__file__).with_name("page.md.in").read_text()
    return template.format(rounds=rounds, machine=described(), busy=busy(), tables=tables(numbers))
