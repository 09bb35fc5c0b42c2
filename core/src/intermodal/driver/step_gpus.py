"""The GPUs of build steps: taken when a step is about to run, waited for within bounds, given back when it is over
(image.resources)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from intermodal.driver.leases import Leases
from intermodal.exception import ResourceExhaustedError
from intermodal.plugins.roles import GpuLease
from intermodal.specs import GpuRequest

__all__ = ["BuildGpus", "StepGpus"]

T = TypeVar("T")

_POLL_S = 0.1


@dataclass(frozen=True)
class BuildGpus:
    """What the builds of a session share.

    Args:
        leases: asked for devices.
        lacks: says why a request can never be met here, where that is so.
        tell: hears of every look in vain, with the pools that wait for the build: their calls may have to fail.
        holders: who of this session holds some, for people.
        next_choice_s: seconds that a busy choice is waited for before the next one is tried, too.
        limit_s: seconds that a step waits at most.
    """

    leases: Leases
    lacks: Callable[[GpuRequest], str | None]
    tell: Callable[[Collection[str], GpuRequest], None]
    holders: Callable[[], Collection[str]]
    next_choice_s: float
    limit_s: float

    def of(self, pools: Collection[str], told: Callable[[int, str], None]) -> StepGpus:
        """Those of one build, which `pools` wait for; more may come. `told` gets a step's number and a line."""
        return StepGpus(self, asyncio.get_running_loop(), pools, told)


class StepGpus:
    """See `intermodal.plugins.StepGpus`."""

    def __init__(
        self,
        shared: BuildGpus,
        loop: asyncio.AbstractEventLoop,
        pools: Collection[str],
        told: Callable[[int, str], None],
    ) -> None:
        self._shared, self._loop, self._pools, self._told = shared, loop, pools, told

    @contextmanager
    def hold(self, request: GpuRequest, number: int, check: Callable[[], None]) -> Iterator[GpuLease]:
        """Devices for the step `number`."""
        lease = self._wait(request, number, check)
        try:
            yield lease
        finally:
            self._on_loop(self._shared.leases.give_back(lease))

    def _wait(self, request: GpuRequest, number: int, check: Callable[[], None]) -> GpuLease:
        began, said = time.monotonic(), False
        while True:
            check()
            waited = time.monotonic() - began
            lease = self._on_loop(self._attempt(request, waited, number))
            if lease is not None:
                return lease
            if waited > self._shared.limit_s:
                raise ResourceExhaustedError(self._gave_up(request, number))
            if not said:
                self._told(number, f"waiting for GPU {_words(request)}: in use by {self._on_loop(self._holders())}")
                said = True
            time.sleep(_POLL_S)

    def _tried(self, request: GpuRequest, waited: float) -> GpuRequest:
        """The choices whose turn has come, of those that are here at all; those before them still count."""
        here = [choice for choice in request.choices if self._shared.lacks(GpuRequest((choice,))) is None]
        step = self._shared.next_choice_s
        return GpuRequest(tuple(here if step <= 0 else here[: 1 + int(waited / step)]))

    async def _attempt(self, request: GpuRequest, waited: float, number: int) -> GpuLease | None:
        tried = self._tried(request, waited)
        if not tried.choices:
            lacks = self._shared.lacks(request)
            raise ResourceExhaustedError(f"step {number} of the image can never run: {lacks}")
        lease = await self._shared.leases.first_free(tried)
        if lease is None:
            self._shared.tell(self._pools, request)
        return lease

    def _gave_up(self, request: GpuRequest, number: int) -> str:
        return (
            f"step {number} of the image waited {self._shared.limit_s:g} s for GPU {_words(request)}, in use by "
            f"{self._on_loop(self._holders())}. Run it again when they are free, or let it wait longer: "
            "build_gpu_wait_s (INTERMODAL_BUILD_GPU_WAIT_S)"
        )

    async def _holders(self) -> str:
        known = [*self._shared.holders(), *await self._shared.leases.others()]
        return ", ".join(known) or "somebody who is not known here"

    def _on_loop(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def _words(request: GpuRequest) -> str:
    return ", ".join(str(choice) for choice in request.choices)
