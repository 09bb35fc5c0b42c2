"""The picture beside the tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

import peers
from harness import Results
from machine import number
from measures import PEER_MEASURES
from report import abouts

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # the backend is chosen first

OURS, THEIRS = "#1f6f8b", "#b8bfc6"


def _bars(axes: Any, results: Results, measure: str) -> None:
    about = abouts()[measure]
    named = [(peer, results.median(measure, peer)) for peer in reversed(peers.NAMES)]
    found = [(peer, value) for peer, value in named if value is not None]
    colours = [OURS if peer.startswith("intermodal") else THEIRS for peer, _ in found]
    bars = axes.barh([peer for peer, _ in found], [value for _, value in found], color=colours)
    axes.bar_label(bars, [number(value) for _, value in found], padding=3, fontsize=8)
    axes.set_xscale("log")
    axes.margins(x=0.18)
    axes.set_title(f"{about.title}: {about.unit}, {about.better} is better", fontsize=10, loc="left")


def _curve(axes: Any, curves: dict[str, list[tuple[int, float]]]) -> None:
    for (title, points), colour in zip(curves.items(), (OURS, "#d17b0f"), strict=True):
        axes.plot([x for x, _ in points], [1e6 / rate for _, rate in points], marker="o", label=title, color=colour)
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.legend(title="number of", fontsize=8, title_fontsize=8)
    axes.set_title("engine alone: µs an input", fontsize=10, loc="left")


def draw(results: Results, path: Path) -> None:
    """Write the PNG: one panel for each measure that has numbers."""
    measures = [measure for measure in PEER_MEASURES if measure in results.rounds]
    curves = results.solo.get("engine-curves")
    panels = len(measures) + (curves is not None)
    if not panels:
        return
    rows = (panels + 1) // 2
    figure, grid = plt.subplots(rows, 2, figsize=(12, 3.2 * rows), squeeze=False, layout="constrained")
    flat = list(grid.flat)
    for axes, measure in zip(flat, measures, strict=False):
        _bars(axes, results, measure)
    if curves is not None:
        _curve(flat[len(measures)], curves)
    for axes in flat[panels:]:
        axes.remove()
    for axes in flat[:panels]:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    figure.savefig(path, dpi=130)
    plt.close(figure)
