"""usage: -m server.calls here|deployed COUNT   calls one after another; prints their ms as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import intermodal
from server import site_app

__all__: list[str] = []


def _times(call: Callable[[int], object], count: int) -> list[float]:
    found = []
    for number in range(count + 20):
        began = time.perf_counter()
        call(number)
        found.append((time.perf_counter() - began) * 1e3)
    return found[20:]


def main() -> None:
    """What the module's docstring says."""
    where, count = sys.argv[1], int(sys.argv[2])
    if where == "deployed":
        times = _times(intermodal.Function.from_name("bench-server", "same").remote, count)
    else:
        with site_app.app.run():
            times = _times(site_app.same.remote, count)
    print(json.dumps({where: times}))


if __name__ == "__main__":
    main()
