"""Functions for conc.* and scale.*"""

from __future__ import annotations

import asyncio
import threading
import time
import uuid

import intermodal
from intermodal_conformance.apps.common import SMALL, app

#: Another in each container.
CONTAINER = uuid.uuid4().hex

Span = tuple[str, float, float]


class Gate:
    """Lets nobody on before `width` are inside, at most for a while, and knows how many were inside at once."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.inside = self.most = 0
        self.lock = threading.Lock()

    def enter(self) -> None:
        """One more."""
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)

    def leave(self) -> None:
        """One less."""
        with self.lock:
            self.inside -= 1


coroutines, threads = Gate(5), Gate(4)


@app.function(**SMALL)
def span(seconds: float) -> Span:
    """Which container, and from when to when."""
    began = time.time()
    time.sleep(seconds)
    return CONTAINER, began, time.time()


@app.function(max_containers=2, **SMALL)
def span_of_two(seconds: float) -> Span:
    """The same in at most two containers."""
    began = time.time()
    time.sleep(seconds)
    return CONTAINER, began, time.time()


@app.function(max_containers=1, **SMALL)
@intermodal.concurrent(max_inputs=5)
async def meet(n: int) -> tuple[str, int, float]:
    """How many were inside at once; waits for the others, up to 10 s."""
    began = time.time()
    coroutines.enter()
    while coroutines.most < coroutines.width and time.time() < began + 10:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.02)
    coroutines.leave()
    return CONTAINER, coroutines.most, began


@app.function(max_containers=1, **SMALL)
@intermodal.concurrent(max_inputs=4)
def meet_on_threads(n: int) -> tuple[str, int, int]:
    """The same for a sync function, with its thread."""
    began = time.time()
    threads.enter()
    while threads.most < threads.width and time.time() < began + 10:
        time.sleep(0.01)
    time.sleep(0.02)
    threads.leave()
    return CONTAINER, threads.most, threading.get_ident()


@app.function(max_containers=1, **SMALL)
@intermodal.concurrent(max_inputs=5)
async def hold_async(log: intermodal.Queue, box: intermodal.Queue) -> str:
    """Tell that it runs, wait for a word; tell when it is cancelled."""
    try:
        await log.put.aio(("began", CONTAINER))
        word = await box.get.aio(timeout=120)
    except asyncio.CancelledError:
        print("cancelled", intermodal.current_input_id(), flush=True)
        raise
    return f"{word} {CONTAINER}"


@app.function(max_containers=1, **SMALL)
@intermodal.concurrent(max_inputs=3)
def hold_on_threads(log: intermodal.Queue, box: intermodal.Dict, name: str) -> str:
    """Tell that it runs, wait for a word."""
    log.put((name, CONTAINER))
    while name not in box:
        time.sleep(0.05)
    return f"{box[name]} {CONTAINER}"


@app.function(max_containers=1, **SMALL)
def hold(log: intermodal.Queue, stubborn: bool) -> str:
    """Tell that it runs, and how it is cancelled; a stubborn one goes on."""
    began = False
    while True:
        try:
            if not began:
                began = True
                log.put(("began", CONTAINER))
            while True:
                time.sleep(0.05)
        except BaseException as error:
            log.put((type(error).__name__, isinstance(error, Exception)))
            if not stubborn:
                raise


@app.function(max_containers=1, **SMALL)
def who() -> str:
    """Which container."""
    return CONTAINER


@app.function(scaledown_window=1, **SMALL)
def brief(seconds: float) -> Span:
    """Its containers leave after a second."""
    began = time.time()
    time.sleep(seconds)
    return CONTAINER, began, time.time()


@app.function(buffer_containers=1, scaledown_window=1, **SMALL)
def buffered(box: intermodal.Queue) -> str:
    """With a container more than needed, while it runs."""
    box.get(timeout=120)
    return CONTAINER


@app.function(scaledown_window=60, **SMALL)
def scaled(seconds: float) -> Span:
    """Its limits are changed while it runs."""
    began = time.time()
    time.sleep(seconds)
    return CONTAINER, began, time.time()


@app.function(**SMALL)
def big(seconds: float) -> Span:
    """Tests give it the resources it asks for."""
    began = time.time()
    time.sleep(seconds)
    return CONTAINER, began, time.time()
