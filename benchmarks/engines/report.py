"""The page docs/engine-benchmarks.md."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from statistics import median

from figures import Limit
from machine import busy, described, number, table

__all__ = ["TARGETS", "Numbers", "page", "tables"]

#: Backend → what → every number.
Numbers = Mapping[str, Mapping[str, list[float]]]
_DISTRIBUTIONS = ("intermodal-core", "intermodal-docker", "docker", "podman")


@dataclass(frozen=True)
class Target:
    """A figure to reach: `value` gives an engine's from its medians and local's."""

    title: str
    value: Callable[[Mapping[str, float], Mapping[str, float]], float]
    limit: Limit


TARGETS = (
    Target("first container ÷ `ENGINE run`", lambda own, _: own["first container"] / own["plain"], Limit(most=1.3)),
    Target("further container ÷ `ENGINE run`", lambda own, _: own["next container"] / own["plain"], Limit(most=0.1)),
    Target("no-op map ÷ local's", lambda own, local: own["map"] / local["map"], Limit(least=0.8)),
    Target("one call, p50 ÷ local's", lambda own, local: own["call"] / local["call"], Limit(most=1.3)),
    Target(
        "`intermodal run` beyond its container's start",
        lambda own, _: own["run"] - own["first container"],
        Limit(most=0.5, unit="s"),
    ),
)
_ROWS = (
    ("`ENGINE run --rm IMAGE python3 -c pass`", "plain", "ms", 1e3),
    ("first container: call → its input runs", "first container", "ms", 1e3),
    ("further container: call → its input runs", "next container", "ms", 1e3),
    ("no-op map", "map", "inputs/s", 1.0),
    ("one call, p50", "call", "µs", 1.0),
    ("`intermodal run`, image of ten steps cached", "run", "s", 1.0),
)


def tables(numbers: Numbers) -> str:
    """What was measured, then the ratios, as Markdown."""
    medians = {backend: {what: median(values) for what, values in found.items()} for backend, found in numbers.items()}
    rows = [
        [title, *(f"{number(own[what] * scale)} {unit}" if what in own else "–" for own in medians.values())]
        for title, what, unit, scale in _ROWS
    ]
    ratios = []
    for target in TARGETS:
        for backend, own in medians.items():
            if backend != "local":
                value = target.value(own, medians["local"])
                limit, shown = target.limit, f"{number(value)} {target.limit.unit}"
                ratios.append([target.title, backend, str(limit), shown, limit.verdict(value)])
    measured, reached = table(["", *medians], rows), table(["figure", "engine", "target", "measured", ""], ratios)
    return f"{measured}\n\n## Against the figures to reach\n\n{reached}"


def page(numbers: Numbers, rounds: int) -> str:
    """The whole page."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in _DISTRIBUTIONS)
    template = Path(__file__).with_name("page.md.in").read_text()
    return template.format(
        rounds=f"{rounds} round{'s' if rounds > 1 else ''}",
        machine=described(),
        versions=versions,
        busy=busy(),
        tables=tables(numbers),
    )
