"""Replay a scenario: `python -m simulator --seed 7 --faults 1,5`. Prints its timeline; exits with 1 where it fails."""

from __future__ import annotations

import argparse
import sys

from .faults import Fault
from .scenario import Scenario


def _faults(text: str) -> frozenset[Fault]:
    if text == "all":
        return frozenset(Fault)
    return frozenset(Fault(int(number)) for number in text.split(",")) if text != "none" else frozenset()


def main() -> int:
    """The command."""
    known = "; ".join(f"{int(fault)} {fault.name.lower().replace('_', ' ')}" for fault in Fault)
    parser = argparse.ArgumentParser(prog="simulator", description=__doc__)
    parser.add_argument("--seed", type=int, required=True, help="of everything that is drawn")
    parser.add_argument("--faults", type=_faults, default=frozenset(Fault), help=f"numbers, all, or none: {known}")
    parser.add_argument("--pools", type=int, default=3)
    parser.add_argument("--calls", type=int, default=4)
    parser.add_argument("--inputs", type=int, default=8, help="most inputs of a call")
    chosen = parser.parse_args()
    text = Scenario(chosen.seed, chosen.faults, chosen.pools, chosen.calls, chosen.inputs).explain()
    print(text)
    return 0 if text.endswith("Everything holds.") else 1


if __name__ == "__main__":
    sys.exit(main())
