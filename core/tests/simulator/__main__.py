"""Replay a scenario: `python -m simulator --seed 7 --faults 1,5`. Prints its timeline; exits with 1 where it fails.

With `--search 1000` that many scenarios are tried from the seed on, each with faults and sizes of its own, and each
that fails is named.
"""

from __future__ import annotations

import argparse
import sys
from random import Random

from .faults import Fault
from .scenario import Scenario


def _faults(text: str) -> frozenset[Fault]:
    if text == "all":
        return frozenset(Fault)
    return frozenset(Fault(int(number)) for number in text.split(",")) if text != "none" else frozenset()


def search(first: int, count: int) -> int:
    """Look for scenarios that fail."""
    failed = 0
    for seed in range(first, first + count):
        random = Random(seed)
        faults = frozenset(fault for fault in Fault if random.random() < 0.4)
        scenario = Scenario(seed, faults, random.randint(1, 5), random.randint(1, 8), random.choice([2, 8, 30]))
        try:
            scenario.run()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is looked for
            failed += 1
            print(f"{scenario.command}\n    {type(error).__name__}: {str(error).splitlines()[0][:100]}", flush=True)
    print(f"{count} scenarios, {failed} failed")
    return 1 if failed else 0


def main() -> int:
    """The command."""
    known = "; ".join(f"{int(fault)} {fault.name.lower().replace('_', ' ')}" for fault in Fault)
    parser = argparse.ArgumentParser(
        prog="simulator", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, required=True, help="of everything that is drawn")
    parser.add_argument("--faults", type=_faults, default=frozenset(Fault), help=f"numbers, all, or none: {known}")
    parser.add_argument("--pools", type=int, default=3)
    parser.add_argument("--calls", type=int, default=4)
    parser.add_argument("--inputs", type=int, default=8, help="most inputs of a call")
    parser.add_argument("--search", type=int, metavar="COUNT", help="try so many scenarios from this seed on")
    chosen = parser.parse_args()
    if chosen.search is not None:
        return search(chosen.seed, chosen.search)
    text = Scenario(chosen.seed, chosen.faults, chosen.pools, chosen.calls, chosen.inputs).explain()
    print(text)
    return 0 if text.endswith("Everything holds.") else 1


if __name__ == "__main__":
    sys.exit(main())
