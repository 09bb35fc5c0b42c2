"""The page docs/scale.md and its picture."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # the backend is chosen first

from scale.cost import Whole
from scale.policy import CORES, START_S, Burst, Share, Stream

__all__ = ["draw", "page"]

Curve = Sequence[tuple[int, float]]
_CONTAINERS = ("containers started", "busy, container-s", "idle, container-s")
_STREAM = ("scaledown_window, s", "buffer_containers", "mean wait, ms", "worst wait, s")
_SHARE = ("who", "inputs of the second", "alone, s", "beside the first, s", "second to first")
_OURS, _OTHER = "#1f6f8b", "#d17b0f"


def draw(containers: Curve, uncollected: Curve, queue: Curve, memory: Curve, path: Path) -> None:
    """Cost of an event, and weight of an input, against size."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 3.6), layout="constrained")
    curves = (
        ("containers", containers, _OURS, "-"),
        ("containers, no collector", uncollected, _OURS, ":"),
        ("queued inputs", queue, _OTHER, "-"),
    )
    for label, curve, colour, line in curves:
        left.plot([x for x, _ in curve], [y for _, y in curve], line, marker="o", label=label, color=colour)
    left.set_title("engine: µs of cpu an event, one event in each turn", fontsize=10, loc="left")
    left.set_ylim(bottom=0)
    left.legend(title="number of", fontsize=8, title_fontsize=8)
    right.plot([x for x, _ in memory], [y for _, y in memory], marker="o", color=_OURS)
    right.set_title("engine: bytes kept for a queued input, its payload left out", fontsize=10, loc="left")
    right.set_yscale("log")
    for axes in (left, right):
        axes.set_xscale("log")
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    figure.savefig(path, dpi=110)


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def _curve(title: str, unit: str, curve: Curve) -> str:
    return _table([title, *(f"{count:,}" for count, _ in curve)], [[unit, *(f"{value:.1f}" for _, value in curve)]])


def page(
    containers: Curve,
    uncollected: Curve,
    queue: Curve,
    memory: Curve,
    run: Whole,
    bursts: Sequence[Burst],
    streams: Sequence[Stream],
    shares: Sequence[Share],
) -> str:
    """The page's text."""
    burst_rows = [
        (
            f"{b.inputs:,} × {b.each_s:g} s",
            f"{b.drain_s:.2f}",
            f"{b.ideal_s:.2f}",
            b.starts,
            f"{b.busy_s:.0f}",
            f"{b.idle_s:.0f}",
        )
        for b in bursts
    ]
    stream_rows = [
        (
            s.window_s,
            s.buffer,
            f"{1e3 * s.mean_wait_s:.1f}",
            f"{s.worst_wait_s:.2f}",
            s.starts,
            f"{s.busy_s:.0f}",
            f"{s.idle_s:.0f}",
        )
        for s in streams
    ]
    share_rows = [
        (s.what, f"{s.second:,}", f"{s.alone_s:.1f}", f"{s.second_s:.1f}", f"{s.second / s.first_meanwhile:.2f}")
        for s in shares
    ]
    return (
        Path(__file__)
        .with_name("page.md.in")
        .read_text()
        .format(
            containers=_curve("containers (100,000 inputs queued)", "µs an event", containers),
            uncollected=_curve("containers, without the collector", "µs an event", uncollected),
            queue=_curve("inputs queued (100 containers)", "µs an event", queue),
            memory=_curve("inputs queued", "bytes an input", memory),
            run=run,
            each=1e6 * run.engine_s / run.inputs,
            cores=CORES,
            start_s=START_S,
            bursts=_table(["burst", "drained after, s", "ideal, s", *_CONTAINERS], burst_rows),
            streams=_table([*_STREAM, *_CONTAINERS], stream_rows),
            shares=_table(_SHARE, share_rows),
        )
    )
