"""Measure and write docs/scale.md and docs/scale.png. `--quick` for smaller sizes, printed only."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from scale import cost, policy, report

DOCS = Path(__file__).parents[2] / "docs"


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="scale", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--whole", type=Path, help="a file that keeps the big run, so that it need not be run again")
    chosen = parser.parse_args()
    top = 4 if chosen.quick else 6
    sizes = [10**power for power in range(1, top + 2)]
    containers = cost.by_containers([1, *sizes[: top - 1]], 3_000)
    uncollected = cost.by_containers([1, *sizes[: top - 1]], 3_000, collector=False)
    queue = cost.by_queue(sizes, 3_000)
    memory = cost.bytes_per_input(sizes)
    print(f"by containers {containers}\nby queue {queue}\nmemory {memory}", flush=True)
    bursts = [policy.burst(*burst) for burst in policy.BURSTS]
    streams = [policy.stream(*kind) for kind in ((2.0, 0), (10.0, 0), (60.0, 0), (2.0, 2), (10.0, 2))]
    shares = policy.shares()
    run = _whole(chosen.quick, chosen.whole)
    text = report.page(containers, uncollected, queue, memory, run, bursts, streams, shares)
    if chosen.quick:
        print(text)
    else:
        report.draw(containers, uncollected, queue, memory, DOCS / "scale.png")
        (DOCS / "scale.md").write_text(text)
        print(f"wrote {DOCS / 'scale.md'}")
    return 0


def _whole(quick: bool, kept: Path | None) -> cost.Whole:
    if kept is not None and kept.exists():
        return cost.Whole(**json.loads(kept.read_text()))
    run = cost.whole(1_000, 50_000) if quick else cost.whole(100_000, 10_000_000)
    if kept is not None:
        kept.write_text(json.dumps(asdict(run)))
    return run


if __name__ == "__main__":
    sys.exit(main())
