"""usage: run.py [--only MEASURE,...] [--peers PEER,...] [--rounds N] [--quick] [--write] [--list]

Measures Intermodal and its peers side by side in one run. Without --write it prints the table only; with it, it writes
docs/benchmarks.md and docs/benchmarks.png.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import harness
import peers
import report
from measures import PEER_MEASURES, SOLO_MEASURES

DOCS = Path(__file__).parents[1] / "docs"


def _names(text: str, known: tuple[str, ...], what: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in known:
            sys.exit(f"unknown {what} {name!r}; there are: {', '.join(known)}")
    return names


def main() -> None:
    """What the module's docstring says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="measures, separated by commas; all by default")
    parser.add_argument("--peers", default=",".join(peers.NAMES), help="peers, separated by commas")
    parser.add_argument("--rounds", type=int, default=3, help="rounds over all peers; medians are shown")
    parser.add_argument("--quick", action="store_true", help="seconds instead of minutes; the numbers are rough")
    parser.add_argument("--json", type=Path, help="also write every single number to this file")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and docs/benchmarks.png")
    parser.add_argument("--list", action="store_true", help="list measures and peers")
    options = parser.parse_args()
    if options.list:
        print("measures:", *PEER_MEASURES, *SOLO_MEASURES, "\npeers:", *peers.NAMES)
        return
    measures = _names(options.only, PEER_MEASURES + SOLO_MEASURES, "measure") or [*PEER_MEASURES, *SOLO_MEASURES]
    chosen = _names(options.peers, peers.NAMES, "peer")
    solo = [measure for measure in SOLO_MEASURES if measure in measures]
    results = harness.Results()
    rounds = 1 if options.quick else options.rounds
    harness.run(measures, chosen, solo, rounds=rounds, quick=options.quick, results=results)
    if options.json:
        options.json.write_text(json.dumps(asdict(results), indent=1))
    print(report.tables(results))
    if options.write:
        import plot

        (DOCS / "benchmarks.md").write_text(report.page(results, rounds))
        plot.draw(results, DOCS / "benchmarks.png")
    if results.failures:
        sys.exit("not measured: " + "; ".join(f"{name} ({why})" for name, why in results.failures.items()))


if __name__ == "__main__":
    main()
