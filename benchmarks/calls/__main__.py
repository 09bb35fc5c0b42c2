"""Measures spawned calls at a server on this machine: how many are accepted, and what kill -9 leaves of them."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from calls import accepting, killing
from calls.served import Served


def main() -> None:
    """What the module's docstring says."""
    parser = argparse.ArgumentParser(prog="python -m calls", description=__doc__)
    parser.add_argument("what", choices=("accept", "kill"))
    parser.add_argument("--calls", type=int, default=10_000, help="calls in a round, or amid all kills")
    parser.add_argument("--rounds", type=int, default=5, help="accept: rounds, whose medians are shown")
    parser.add_argument("--kills", type=int, default=50, help="kill: how often the server is killed")
    parser.add_argument("--seed", type=int, default=0, help="kill: of the moments")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-calls-", dir="/var/tmp") as directory:
        served = Served(Path(directory))
        os.environ["INTERMODAL_SERVER_URL"] = served.url
        os.environ["INTERMODAL_DATA_DIR"] = str(Path(directory) / "client")
        served.start()
        try:
            served.deploy()
            if options.what == "accept":
                for name, rate in accepting.measure(options.calls, options.rounds).items():
                    print(f"{name:<26} {rate:10,.0f} /s")
                return
            outcome = killing.hunt(served, options.calls, options.kills, options.seed)
        finally:
            served.stop()
        twice = [call for call, inputs, outputs in killing.recorded(served) if inputs != outputs]
        print(f"{outcome.kills} kills amid {len(outcome.accepted)} accepted calls: {outcome.right} have their result,")
        print(f"{outcome.lost} are lost, {outcome.wrong} have another; {len(twice)} have not one output for each input")
        sys.exit(0 if outcome.sound and not twice else 1)


if __name__ == "__main__":
    main()
