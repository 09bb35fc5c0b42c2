"""Measure and print; with `--write`, write docs/sandbox-benchmarks.md. Engines have to run: `tools/engines up`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from figures import Numbers, in_process
from sandboxes import report

_ROOT = Path(__file__).parents[2]
_BACKENDS = ("local", "docker", "podman")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="sandboxes", description=__doc__)
    parser.add_argument("--backends", default=",".join(_BACKENDS), help="separated by commas")
    default = "python:{}.{}-slim-bookworm".format(*sys.version_info)
    parser.add_argument("--image", default=default, help="what the engine's own command starts: debian_slim()'s base")
    parser.add_argument("--rounds", type=int, default=3, help="rounds over all backends; medians are shown")
    parser.add_argument("--samples", type=int, default=7, help="sandboxes of each backend in a round")
    parser.add_argument("--json", type=Path, help="also write every single number to this file")
    parser.add_argument("--write", action="store_true", help="write docs/sandbox-benchmarks.md")
    chosen = parser.parse_args()
    backends = chosen.backends.split(",")
    if unknown := set(backends) - set(_BACKENDS):
        parser.error(f"no backend is called {', '.join(sorted(unknown))}; there are: {', '.join(_BACKENDS)}")
    numbers: dict[str, Numbers] = {}
    for count in range(chosen.rounds):
        for backend in backends:
            print(f"round {count + 1} of {chosen.rounds}: {backend}", file=sys.stderr, flush=True)
            for what, values in in_process("sandboxes.session", backend, chosen.image, str(chosen.samples)).items():
                numbers.setdefault(backend, {}).setdefault(what, []).extend(values)
    if chosen.json:
        chosen.json.write_text(json.dumps(numbers, indent=1))
    print(report.tables(numbers))
    if chosen.write:
        (_ROOT / "docs" / "sandbox-benchmarks.md").write_text(report.page(numbers, chosen.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
