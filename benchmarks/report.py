"""The tables: what was measured, ratios to the peers, and how that stands against the targets."""

from __future__ import annotations

import importlib
from importlib import metadata

import peers
from harness import Results
from machine import busy, described, number, table
from measures import PEER_MEASURES, SOLO_MEASURES, About
from targets import TARGETS

__all__ = ["abouts", "page", "tables"]

_TITLES = {
    "intermodal": "Intermodal",
    "intermodal-unordered": "Intermodal, order_outputs=False",
    "ppe": "ProcessPoolExecutor",
    "ppe-64": "ProcessPoolExecutor, chunksize=64",
    "loky": "loky",
    "ray": "Ray tasks",
    "ray-actor": "Ray actors",
    "dask": "Dask distributed",
    "parsl": "Parsl HTEX",
}
_DISTRIBUTIONS = ("intermodal-core", "loky", "ray", "distributed", "parsl", "numpy", "uvloop")


def abouts() -> dict[str, About]:
    """What each number is, by name."""
    found: dict[str, About] = {}
    for name in (*PEER_MEASURES, *SOLO_MEASURES):
        about = importlib.import_module("measures." + name.replace("-", "_")).ABOUT
        found.update(about if isinstance(about, dict) else {name: about})
    return found


def _peers_table(results: Results) -> str:
    about = abouts()
    measures = [measure for measure in PEER_MEASURES if measure in results.rounds]
    rows = []
    for peer in peers.NAMES:
        cells = [results.median(measure, peer) for measure in measures]
        if any(cell is not None for cell in cells):
            rows.append([_TITLES[peer], *("–" if cell is None else number(cell) for cell in cells)])
    return table(["", *(f"{about[m].title} ({about[m].unit})" for m in measures)], rows)


def _ratios_table(results: Results) -> str:
    about = abouts()
    measures = [measure for measure in PEER_MEASURES if results.median(measure, "intermodal")]
    rows = []
    for peer in peers.NAMES:
        cells = []
        for measure in measures:
            ours, theirs = results.median(measure, "intermodal"), results.median(measure, peer)
            cells.append(f"{number(ours / theirs)} ×" if ours and theirs else "–")
        if not peer.startswith("intermodal") and set(cells) != {"–"}:
            rows.append([_TITLES[peer], *cells])
    return table(["Intermodal's number ÷", *(about[measure].title for measure in measures)], rows)


def _solo_table(results: Results) -> str:
    about = abouts()
    rows = [[about[n].title, f"{number(results.solo[n])} {about[n].unit}"] for n in about if n in results.solo]
    return table(["Intermodal alone", ""], rows)


def _targets_table(results: Results) -> str:
    about = abouts()
    rows = []
    for target in TARGETS:
        reached = target.reached(results)
        if reached is not None:
            unit = "×" if target.peer else target.unit
            verdict = "reached" if reached[1] else "**not reached**"
            rows.append([about[target.measure].title, str(target), f"{number(reached[0])} {unit}", verdict])
    return table(["", "target", "measured", ""], rows)


def _curve_table(results: Results) -> str:
    curves = results.solo["engine-curves"]
    tables = []
    for title, points in (("containers", curves["containers"]), ("queued inputs", curves["queued inputs"])):
        tables.append(
            table([title, "inputs/s", "µs an input"], ([f"{x:,}", number(r), number(1e6 / r)] for x, r in points))
        )
    return "\n\n".join(tables)


def tables(results: Results) -> str:
    """All tables that there are numbers for, as Markdown."""
    parts = []
    if results.rounds:
        parts.append(_peers_table(results))
    if any(results.median(measure, "intermodal") for measure in PEER_MEASURES):
        parts.append("### Ratios\n\n" + _ratios_table(results))
    if any(name in results.solo for name in abouts()):
        parts.append("### Intermodal alone\n\n" + _solo_table(results))
    if "engine-curves" in results.solo:
        parts.append("### The engine alone\n\n" + _curve_table(results))
    if any(target.reached(results) for target in TARGETS):
        parts.append("### Targets\n\n" + _targets_table(results))
    return "\n\n".join(parts)


def page(results: Results, rounds: int) -> str:
    """The whole of docs/benchmarks.md."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in _DISTRIBUTIONS)
    missing = "".join(f"\nNot measured: {name} ({why}).\n" for name, why in results.failures.items())
    return f"""# Benchmarks

`make bench` wrote this page: every peer in turn, each in a fresh process with {peers.WORKERS} workers, {rounds} rounds,
medians shown. Numbers depend on the machine, ratios less so; do not compare numbers of two runs.

{described()}; {versions}.
{busy()}{missing}
![The same numbers as bars](benchmarks.png)

{tables(results)}

What the peers do for it differs. ProcessPoolExecutor with `chunksize=64` sends whole chunks: an exception fails the
chunk, nothing is retried, results come in chunks. Intermodal sends many inputs in a frame too, but each has its own
result, exception, retries, timeout and cancellation, and runs in a container. Measure one thing yourself with
`make bench BENCH_ARGS="--only latency --peers intermodal,ppe"`.
"""
