"""Classes, batching and concurrency that the end-to-end tests call."""

from __future__ import annotations

import asyncio
import os
import threading

import intermodal as modal

app = modal.App("e2e-classes")


class Base:
    log: list

    @modal.enter()
    def base_enter(self) -> None:
        self.log = ["base_enter"]


@app.cls()
class Model(Base):
    name: str = modal.parameter(default="plain")
    size: int = modal.parameter(default=1)

    @modal.enter()
    def load(self) -> None:
        self.log.append("load")

    @modal.enter()
    async def load_async(self) -> None:
        await asyncio.sleep(0)
        self.log.append("load_async")

    @modal.exit()
    def bye(self) -> None:
        print(f"exit of {self.name}", flush=True)

    @modal.method()
    def describe(self) -> tuple:
        return self.name, self.size, self.log, os.getpid()

    @modal.method()
    def double(self, x: int) -> int:
        return self.twice(x)

    def twice(self, x: int) -> int:
        return 2 * x


@app.cls()
class BrokenEnter:
    @modal.enter()
    def load(self) -> None:
        raise RuntimeError("weights are missing")

    @modal.method()
    def predict(self) -> int:
        return 1


@app.function(max_containers=1)
@modal.concurrent(max_inputs=5)
async def meet(n: int) -> int:
    """Returns how many were inside at once."""
    global inside, most
    inside += 1
    most = max(most, inside)
    await asyncio.sleep(0.2)
    inside -= 1
    return most


inside = most = 0


@app.function(max_containers=1)
@modal.concurrent(max_inputs=4)
def thread_of(n: int) -> int:
    threading.Event().wait(0.1)
    return threading.get_ident()


@app.function(max_containers=1)
@modal.batched(max_batch_size=4, wait_ms=200)
def batch_double(xs: list[int]) -> list[tuple[int, int]]:
    return [(2 * x, len(xs)) for x in xs]


@app.function(max_containers=1)
@modal.batched(max_batch_size=4, wait_ms=10)
def batch_short(xs: list[int]) -> list[int]:
    return xs[:-1]


@app.cls(enable_memory_snapshot=True)
class Snapped:
    @modal.enter(snap=True)
    def before(self) -> None:
        import random

        self.order = ["snap"]
        self.random_state = random.random()

    @modal.enter()
    def after(self) -> None:
        self.order.append("enter")

    @modal.method()
    def look(self) -> tuple:
        import random

        return self.order, random.random(), self.random_state
