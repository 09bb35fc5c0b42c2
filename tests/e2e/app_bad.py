"""Functions that ask for what cannot be, or end badly."""

from __future__ import annotations

import threading

import intermodal as modal

app = modal.App("e2e-bad")
failing = modal.Image.debian_slim().run_commands("echo first").run_commands("echo 'the second step' >&2; exit 7")


@app.function()
def double(x: int) -> int:
    return 2 * x


@app.function()
def holds_a_lock() -> object:
    return {"locks": [threading.Lock()]}


@app.function()
def imports(name: str) -> None:
    __import__(name)


@app.function(image=failing)
def needs_failing_image() -> None:
    pass


@app.function(cpu=100_000)
def too_much_cpu() -> None:
    pass


@app.function(memory=1 << 30)
def too_much_memory() -> None:
    pass


@app.function(gpu="B200:8")
def too_many_gpus() -> None:
    pass
