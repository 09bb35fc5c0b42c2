"""Rounds: every peer in turn, each in a fresh process, so that a slow minute of the machine hits all alike."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from measures import PEER_MEASURES

_SESSION = Path(__file__).parent / "session.py"
LIMIT_S = 300


@dataclass
class Results:
    """What was measured. `rounds`: measure → peer → one number a round; `solo`: name → number, or a curve."""

    rounds: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    solo: dict[str, Any] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def median(self, measure: str, peer: str) -> float | None:
        """The median over the rounds, None where it was not measured."""
        numbers = self.rounds.get(measure, {}).get(peer)
        return median(numbers) if numbers else None


def run(
    measures: Sequence[str], peers: Sequence[str], solo: Sequence[str], *, rounds: int, quick: bool, results: Results
) -> None:
    """Measure into `results`; a peer or measure that fails is noted there and left out from then on."""
    wanted = [m for m in PEER_MEASURES if m in measures]
    for number in range(rounds if wanted else 0):
        for peer in peers:
            if peer in results.failures:
                continue
            print(f"round {number + 1} of {rounds}: {peer}", file=sys.stderr, flush=True)
            found = _session(peer, [peer, ",".join(wanted), "0.3" if quick else "1.5"], results)
            for measure, value in found.items():
                results.rounds.setdefault(measure, {}).setdefault(peer, []).append(value)
    for measure in solo:
        print(f"Intermodal alone: {measure}", file=sys.stderr, flush=True)
        results.solo.update(_session(measure, ["solo", measure, "1" if quick else "0"], results))


def _session(name: str, arguments: list[str], results: Results) -> dict[str, Any]:
    try:
        done = subprocess.run(
            [sys.executable, _SESSION, *arguments],
            cwd=_SESSION.parent,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        results.failures[name] = f"took longer than {LIMIT_S} s"
        return {}
    if done.returncode:
        results.failures[name] = (done.stderr.strip().splitlines() or ["no message"])[-1]
        print(done.stderr[-2000:], file=sys.stderr)
        return {}
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
