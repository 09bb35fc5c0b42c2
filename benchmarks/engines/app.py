"""The app that is measured."""

from __future__ import annotations

import os
import time

import intermodal

app = intermodal.App("engines")
#: Ten steps that do nothing.
stepped = intermodal.Image.debian_slim()
for _number in range(10):
    stepped = stepped.run_commands(f"true {_number}")


@app.function(single_use_containers=True)
def started(stay: bool = False) -> tuple[float, bool]:
    """When the only input of its container runs, on the clock that all processes share, and whether that stood ready.

    With `stay` it does not end of itself.
    """
    now = time.monotonic()
    while stay:
        time.sleep(1)
    return now, "-spare-" in os.uname().nodename


@app.function(image=stepped)
def hello() -> str:
    return "hello"


@app.local_entrypoint()
def main() -> None:
    print(hello.remote())
