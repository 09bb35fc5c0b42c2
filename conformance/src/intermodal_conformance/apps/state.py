"""Functions for queue.* and dict.*: the same objects, used from containers."""

from __future__ import annotations

import intermodal
from intermodal_conformance.apps.common import SMALL, app


@app.function(**SMALL)
def claim(box: intermodal.Dict, key: str, name: int) -> bool:
    """Try to be the first to set a key."""
    return box.put(key, name, skip_if_exists=True)


@app.function(**SMALL)
def take(box: intermodal.Dict, key: str) -> object:
    """Try to be the one who takes a key's value."""
    return box.pop(key, None)


@app.function(**SMALL)
def drain(line: intermodal.Queue) -> list[int]:
    """Take values until there are none."""
    found = []
    while (value := line.get(block=False)) is not None:
        found.append(value)
    return found


@app.function(**SMALL)
def produce(line: intermodal.Queue, values: list[int], partition: str | None = None) -> None:
    """Put values, one after another."""
    for value in values:
        line.put(value, partition=partition)


@app.function(**SMALL)
def pass_on(source: intermodal.Queue, sink: intermodal.Queue, count: int) -> None:
    """Move so many values, waiting for each."""
    for _ in range(count):
        sink.put(source.get(timeout=60))
