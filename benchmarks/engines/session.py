"""usage: -m engines.session BACKEND IMAGE SAMPLES SECONDS   one round of one backend, in this process; prints JSON.

IMAGE is what the engine's own command starts; with the backend `local` there is none, and only calls are measured.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import peers
from engines import app
from figures import Numbers, choose, wall
from measures import latency, throughput

_BIN = Path(sys.executable).parent
#: What an ended container leaves the engine to do is not to be in the next number.
_PAUSE_S = 1.0
#: Nor how long the next one takes until it stands ready.
_READY_S = 5.0


def starts(engine: str, image: str, samples: int) -> Numbers:
    """Seconds of a first container, from the call to its input, and of the engine's own command, in turn."""
    ours, plain = [], []
    choose(engine, prewarm=False)
    with app.app.run():
        app.started.remote()  # builds the image
        for _ in range(samples):
            time.sleep(_PAUSE_S)
            began = time.monotonic()
            ours.append(app.started.remote()[0] - began)
            time.sleep(_PAUSE_S)
            plain.append(wall([engine, "run", "--rm", image, "python3", "-c", "pass"]))
    return {"first container": ours, "plain": plain}


def warm_starts(engine: str, samples: int) -> Numbers:
    """Seconds of a further container while one is at work: of each that stood ready, as the others are first ones."""
    took: list[float] = []
    choose(engine, prewarm=True)
    with app.app.run():
        held = app.started.spawn(stay=True)
        while len(took) < samples:
            time.sleep(_READY_S)
            began = time.monotonic()
            at, stood_ready = app.started.remote()
            if stood_ready:
                took.append(at - began)
        held.cancel(terminate_containers=True)
    return {"next container": took}


def calls(backend: str, seconds: float) -> Numbers:
    """Inputs a second of a map, and microseconds of a call."""
    choose(backend, prewarm=True)
    peer = peers.load("intermodal")
    try:
        return {"map": [throughput.measure(peer, seconds)], "call": [latency.measure(peer, seconds)]}
    finally:
        peer.close()


def runs(engine: str, samples: int) -> Numbers:
    """Seconds of a whole `intermodal run` whose image of ten steps is there."""
    choose(engine, prewarm=True)
    command = [str(_BIN / "intermodal"), "run", str(Path(__file__).with_name("app.py"))]
    wall(command)
    return {"run": [wall(command) for _ in range(samples)]}


def main(backend: str, image: str, samples: int, seconds: float) -> None:
    """What the module's docstring says."""
    found = calls(backend, seconds)
    if backend != "local":
        found |= starts(backend, image, samples) | warm_starts(backend, samples) | runs(backend, samples)
    print("\n" + json.dumps(found), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))
