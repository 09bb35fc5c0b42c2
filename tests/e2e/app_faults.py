"""Functions under which something goes wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import intermodal as modal

app = modal.App("e2e-faults")


@app.function()
def double(x: int) -> int:
    return 2 * x


@app.function(max_containers=1)
def second_try(box: modal.Dict, mark: str) -> float:
    """Waits to be killed, with a child `sleep MARK`; at the second try, when that began."""
    if box.put("tried", True, skip_if_exists=True):
        subprocess.Popen(["setsid", "sleep", mark])
        time.sleep(100)
    return time.time()


@app.function(memory=(64, 200), max_containers=1)
def take_memory(mebibytes: int) -> int:
    return len(bytearray(os.urandom(1 << 20)) * mebibytes)


@app.function()
def fork_bomb(box: modal.Dict, mark: str) -> None:
    subprocess.Popen(["setsid", "sleep", mark])
    box["on"] = True
    subprocess.run(["sh", "-c", "b() { b | b & }; b; sleep 100"], stderr=subprocess.DEVNULL)


@app.function(max_containers=1)
def poison(x: int) -> int:
    if x == 3:
        os._exit(7)
    return x


@app.function(max_containers=1)
def produce(box: modal.Dict):
    for n in range(1_000_000):
        box["produced"] = n
        yield n


@app.function()
def chatter(lines: int) -> str:
    """Prints through Python and past it."""
    for n in range(lines):
        print(f"python {n} " + "x" * 1000)
    subprocess.run(["sh", "-c", f"yes 'child {'y' * 1000}' | head -n {lines}"])
    return "said"


@app.function(gpu="T4", max_containers=1)
def stubborn(box: modal.Dict, mark: str) -> str:
    """Ignores every request to end, and so do its children."""
    if mark:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for _ in range(2):
            subprocess.Popen(["setsid", "sh", "-c", f"trap '' TERM INT; while true; do sleep {mark}; done"])
        box["up"] = True
        while True:
            try:
                time.sleep(100)
            except BaseException:  # noqa: BLE001 - that is what it is about
                box["asked"] = True
    return os.environ["CUDA_VISIBLE_DEVICES"]
