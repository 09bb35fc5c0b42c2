"""Measure and print; with `--write`, write docs/volume-benchmarks.md."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from figures import Numbers, in_process
from volumes import report

_ROOT = Path(__file__).parents[2]
_GIB = 1 << 30
_NEEDED_GIB, _NEEDED_HUGE_GIB = 8, 30


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="volumes", description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000", help="numbers of files, separated by commas")
    parser.add_argument("--huge", action="store_true", help=f"also 10 GiB; takes {_NEEDED_HUGE_GIB} GiB of disk")
    parser.add_argument("--only", choices=("files", "changes"), help="not the other")
    parser.add_argument("--samples", type=int, default=15, help="changes of each volume; medians are shown")
    parser.add_argument("--rounds", type=int, default=3, help="rounds over uploads; medians are shown")
    parser.add_argument("--directory", default="/var/tmp", help="on the disk to measure")
    parser.add_argument("--json", type=Path, help="also write every single number to this file")
    parser.add_argument("--write", action="store_true", help="write docs/volume-benchmarks.md")
    chosen = parser.parse_args()
    free, needed = shutil.disk_usage(chosen.directory).free, _NEEDED_HUGE_GIB if chosen.huge else _NEEDED_GIB
    if free < needed * _GIB:
        parser.error(
            f"{chosen.directory} has {free / _GIB:.0f} GiB free, {needed} are needed: name another --directory"
        )
    sizes = [*chosen.sizes.split(","), *(["huge"] if chosen.huge else [])]
    if unknown := set(sizes) - {*report.SIZES, "huge"}:
        parser.error(f"no volume has {', '.join(sorted(unknown))} files; there are: {', '.join(report.SIZES)}")
    numbers: Numbers = {}
    if chosen.only != "files":
        _round(chosen.directory, numbers, "changes", str(chosen.samples), *sizes)
    for _ in range(chosen.rounds if chosen.only != "changes" else 0):
        _round(chosen.directory, numbers, "files")
    if chosen.json:
        chosen.json.write_text(json.dumps(numbers, indent=1))
    print(report.tables(numbers))
    if chosen.write:
        (_ROOT / "docs" / "volume-benchmarks.md").write_text(report.page(numbers, chosen.samples, chosen.rounds))
    return 0


def _round(place: str, numbers: Numbers, *arguments: str) -> None:
    """Add what is measured in a data directory of its own."""
    print(f"measuring {' '.join(arguments)}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-volumes-", dir=place) as directory:
        os.environ["INTERMODAL_DATA_DIR"] = f"{directory}/data"
        for what, values in in_process("volumes.session", *arguments).items():
            numbers.setdefault(what, []).extend(values)


if __name__ == "__main__":
    sys.exit(main())
