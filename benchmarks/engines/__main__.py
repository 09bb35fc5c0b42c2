"""Measure and print; with `--write`, write docs/engine-benchmarks.md. Both engines have to run: `tools/engines up`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from engines import report
from figures import in_process

_ROOT = Path(__file__).parents[2]
_BACKENDS = ("local", "docker", "podman")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="engines", description=__doc__)
    parser.add_argument("--backends", default="docker,podman", help="engines, separated by commas")
    default = "python:{}.{}-slim-bookworm".format(*sys.version_info)
    parser.add_argument("--image", default=default, help="what the engine's own command starts: debian_slim()'s base")
    parser.add_argument("--rounds", type=int, default=3, help="rounds over all backends; medians are shown")
    parser.add_argument("--quick", action="store_true", help="one round with few samples; the numbers are rough")
    parser.add_argument("--json", type=Path, help="also write every single number to this file")
    parser.add_argument("--write", action="store_true", help="write docs/engine-benchmarks.md")
    chosen = parser.parse_args()
    engines = chosen.backends.split(",")
    if unknown := set(engines) - {*_BACKENDS[1:]}:
        parser.error(f"no engine is called {', '.join(sorted(unknown))}; there are: {', '.join(_BACKENDS[1:])}")
    samples, seconds, rounds = ("2", "0.3", 1) if chosen.quick else ("7", "1.5", chosen.rounds)
    numbers: dict[str, dict[str, list[float]]] = {}
    for count in range(rounds):
        for backend in ("local", *engines):
            print(f"round {count + 1} of {rounds}: {backend}", file=sys.stderr, flush=True)
            for what, values in in_process("engines.session", backend, chosen.image, samples, seconds).items():
                numbers.setdefault(backend, {}).setdefault(what, []).extend(values)
    if chosen.json:
        chosen.json.write_text(json.dumps(numbers, indent=1))
    print(report.tables(numbers))
    if chosen.write:
        (_ROOT / "docs" / "engine-benchmarks.md").write_text(report.page(numbers, rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
