"""Hello world, for the wall time of `intermodal run`."""

from __future__ import annotations

import intermodal

app = intermodal.App("hello")


@app.function()
def greet(name: str) -> str:
    return f"Hello, {name}!"


@app.local_entrypoint()
def main() -> None:
    print(greet.remote("world"))
