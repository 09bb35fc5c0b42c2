"""`make mutants`: what the suite says of every mutant. And of the backend without one, with many seeds."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mutants.running import AT_ONCE, Examiner, Found, suite
from mutants.table import MUTANTS, as_markdown

_GOOD = {"pass", "deviation", "not-applicable"}


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 where a mutant is not caught or the backend itself fails a seed."""
    parser = argparse.ArgumentParser(prog="python -m mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of names: only mutants that have one of them")
    parser.add_argument("--backend", default="local", help="the backend that is mutated (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="mutants examined at the same time")
    parser.add_argument("--seeds", type=int, default=0, help="try the backend itself with so many random seeds instead")
    parser.add_argument("--markdown", action="store_true", help="print the table of the documentation and do nothing")
    options = parser.parse_args(argv)
    if options.markdown:
        print(as_markdown())
        return 0
    if options.seeds:
        return _seeds(options.backend, options.seeds)
    chosen = [m for m in MUTANTS if not options.names or any(name in m.name for name in options.names)]
    print(f"{'mutant':<30} {'kind':<8} {'requirement':<18} {'status':<13} {'caught':<7} seconds")
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder, ThreadPoolExecutor(options.at_once) as pool:
        examiner = Examiner(options.backend, Path(folder), options.at_once)
        caught = sum(map(_show, pool.map(examiner, chosen)))
    print(f"{caught} of {len(chosen)} caught")
    return caught < max(1, len(chosen))


def _show(found: Found) -> bool:
    mutant = found.mutant
    caught = "yes" if found.caught else "NO"
    name = mutant.name.partition(".")[2]
    print(
        f"{name:<30} {mutant.kind:<8} {mutant.requirement:<18} {found.status:<13} {caught:<7} {found.seconds:.1f}",
        flush=True,
    )
    if not found.caught:
        also = f"; {mutant.keeps}: {found.harmless or 'not tested'}" if mutant.keeps else ""
        print(f"    {found.words or 'nothing was found'}{also}", flush=True)
    return found.caught


def _seeds(backend: str, count: int) -> int:
    """The whole suite with the first seed; with the others what random programs are about, as nothing else differs."""
    only: list[str] = []
    failed = examples = 0
    for seed in range(1, count + 1):
        began = time.monotonic()
        report, output = suite("--backend", backend, "--seed", str(seed), "--only", ",".join(only))
        findings = report.get("requirements", {})
        looked_at = {name: findings[name] for name in only or findings}
        only = [name for name, finding in looked_at.items() if finding["examples"]]
        bad = {name: finding for name, finding in looked_at.items() if finding["status"] not in _GOOD}
        tried = sum(finding["examples"] for finding in looked_at.values())
        words = "failed" if bad or not tried else "passed"
        print(f"seed {seed:<4} {words:<8} {tried} programs, {time.monotonic() - began:.1f} s", flush=True)
        for name, finding in bad.items():
            print(f"    {name}: {finding['status']}; {'; '.join(finding['words'])}", flush=True)
        if not tried:
            print(f"    no program was tried: {output[-600:]}", flush=True)
        failed += words == "failed"
        examples += tried
    print(f"{count - failed} of {count} seeds passed, with {examples} programs")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
