"""usage: -m sandboxes.session BACKEND IMAGE SAMPLES   one round of one backend, in this process; prints JSON.

IMAGE is what the engine's own command starts; with the backend `local` there is none.
"""

from __future__ import annotations

import json
import sys
import time

import intermodal
from figures import Numbers, choose, wall

__all__ = ["measure"]

#: What an ended container leaves to do is not to be in the next number.
_PAUSE_S = 0.5
_RUNS = 30  # commands in a sandbox that runs


def measure(backend: str, image: str, samples: int) -> Numbers:
    """Milliseconds: of a sandbox from its creation to the first command's output, of the engine's own command in turn
    with it, and of a command in a sandbox that runs."""
    choose(backend, prewarm=False)
    found: Numbers = {"first output": [], "exec": []}
    with intermodal.App("bench-sandboxes").run() as app:
        _first_output(app)  # builds the image
        for _ in range(samples):
            time.sleep(_PAUSE_S)
            found["first output"].append(_first_output(app))
            if backend != "local":
                time.sleep(_PAUSE_S)
                command = [backend, "run", "--rm", image, "echo", "hello"]
                found.setdefault("plain", []).append(wall(command) * 1e3)
        sandbox = intermodal.Sandbox.create(app=app)
        _true(sandbox)
        found["exec"] = [_true(sandbox) for _ in range(_RUNS)]
        sandbox.terminate()
    return found


def _first_output(app: intermodal.App) -> float:
    began = time.monotonic()
    sandbox = intermodal.Sandbox.create(app=app)
    said = sandbox.exec("echo", "hello").stdout.read()
    took = time.monotonic() - began
    assert said == "hello\n", said
    sandbox.terminate()
    return took * 1e3


def _true(sandbox: intermodal.Sandbox) -> float:
    began = time.monotonic()
    code = sandbox.exec("true").wait()
    took = time.monotonic() - began
    assert code == 0, code
    return took * 1e3


if __name__ == "__main__":
    print("\n" + json.dumps(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]))), flush=True)
