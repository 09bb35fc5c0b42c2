"""usage: session.py PEER MEASURE,... SECONDS   one peer, one round, in a process of its own; prints JSON.
session.py solo MEASURE QUICK            one measure of Intermodal alone.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

import peers
from measures import PEER_MEASURES


def module(name: str) -> Any:
    """The module that measures `name`."""
    return importlib.import_module("measures." + name.replace("-", "_"))


def peer_round(name: str, measures: list[str], seconds: float) -> dict[str, float]:
    """Start the peer, measure what it takes part in, stop it."""
    peer = peers.load(name)
    try:
        return {m: module(m).measure(peer, seconds) for m in PEER_MEASURES if m in measures and m in peer.parts}
    finally:
        peer.close()


def main(arguments: list[str]) -> None:
    """What the module's docstring says."""
    if arguments[0] == "solo":
        result: Any = module(arguments[1]).measure(quick=arguments[2] == "1")
    else:
        result = peer_round(arguments[0], arguments[1].split(","), float(arguments[2]))
    print("\n" + json.dumps(result), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
