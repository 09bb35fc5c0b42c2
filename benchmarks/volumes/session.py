"""usage: -m volumes.session changes SAMPLES SIZE...   or: files   one round; prints JSON.

SIZE: numbers of files, or `huge`. The data directory is INTERMODAL_DATA_DIR, and files are made beside it.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from figures import Numbers, choose
from volumes import app, files


def changes(samples: int, sizes: list[str], place: Path) -> Numbers:
    """Milliseconds by size: of a commit, of a reload elsewhere, and how much longer a container with it takes to
    start than one without."""
    for size in sizes:
        if size == "huge":
            files.fill_huge(app.VOLUMES[size], place / "huge")
        else:
            files.fill(app.VOLUMES[size], int(size))
    found: Numbers = {}
    with app.app.run():
        writer, reader = app.Writer(), app.Reader()
        for size in sizes:
            writer.commit.remote(size)  # lays the directories of all its versions out
            reader.reload.remote(size)
            for _ in range(samples):
                found.setdefault(f"commit {size}", []).append(writer.commit.remote(size) * 1e3)
                found.setdefault(f"reload {size}", []).append(reader.reload.remote(size)[0] * 1e3)
        for _ in range(samples):
            found.setdefault("start", []).append(_start(app.without.remote))
            for size in sizes:
                found.setdefault(f"start {size}", []).append(_start(app.STARTS[size].remote))
    return found


def _start(function: Callable[[], tuple[float, int]]) -> float:
    began = time.monotonic()
    at, _ = function()
    return (at - began) * 1e3


def main(what: str, *arguments: str) -> None:
    """What the module's docstring says."""
    place = Path(os.environ["INTERMODAL_DATA_DIR"]).parent
    choose(os.environ.get("INTERMODAL_BACKEND", "local"), prewarm=False)
    if what == "changes":
        found = changes(int(arguments[0]), list(arguments[1:]), place)
    else:
        found = files.bulk(place) | files.small(place)
    print("\n" + json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
