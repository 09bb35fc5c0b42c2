"""Measures queues and dicts against Redis in one run, and prints a page about it."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import sys
import tempfile

from state import redis_server, report, work
from state.report import Place, Results


def main() -> None:
    """What the module's docstring says."""
    parser = argparse.ArgumentParser(prog="python -m state", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds over all of them; medians are shown")
    parser.add_argument("--count", type=int, default=2_000, help="operations in one round")
    parser.add_argument("--here", action="store_true", help="not in a container")
    parser.add_argument("--alone", action="store_true", help="without Redis")
    options = parser.parse_args()
    peer = not options.alone
    if peer and not (redis_server.installed() and importlib.util.find_spec("redis")):
        sys.exit("there is no Redis to compare with: apt install redis-server, pip install redis; or --alone")
    with (
        tempfile.TemporaryDirectory(prefix="bench-state-", dir="/var/tmp") as directory,
        contextlib.ExitStack() as stack,
    ):
        os.environ["INTERMODAL_DATA_DIR"] = directory
        ports = _redis(stack) if peer else {}
        results: Results = {}
        _measure("here", options.rounds, options.count, ports, results)
        if not options.here:
            _measure("in a container", options.rounds, options.count, ports, results)
    print(report.page(results, options.rounds, options.count))


def _redis(stack: contextlib.ExitStack) -> dict[str, int]:
    return {
        "redis": stack.enter_context(redis_server.running(durable=False)),
        "redis-aof": stack.enter_context(redis_server.running(durable=True)),
    }


def _measure(place: Place, rounds: int, count: int, ports: dict[str, int], results: Results) -> None:
    if place == "here":
        for _ in range(rounds):
            report.add(results, place, "intermodal", work.of_intermodal(count))
            for peer, port in ports.items():
                report.add(results, place, peer, work.of_redis(count, port))
        return
    from state import container

    with container.app.run():
        for _ in range(rounds):
            report.add(results, place, "intermodal", container.ours.remote(count))
            for peer, port in ports.items():
                report.add(results, place, peer, container.theirs.remote(count, port))


if __name__ == "__main__":
    main()
