"""Containers come and go: launched, ready, failed to start, stopped, exited (cls.enter-fails, cls.exit-grace, fault
1)."""

from __future__ import annotations

from typing import Any

from intermodal.engine.attempts import forget_running, lost, recycle, restart
from intermodal.engine.calls import refuse_pool
from intermodal.engine.commands import Failure, Launch, Stop
from intermodal.engine.core import Core
from intermodal.engine.events import (
    ContainerExited,
    ContainerFailed,
    ContainerReady,
    Launched,
)
from intermodal.engine.model import Container, Input, Life, Pool
from intermodal.engine.resources import Hold
from intermodal.specs import GpuChoice

__all__ = [
    "container_exited",
    "container_failed",
    "container_ready",
    "launch",
    "launched",
    "put_off",
    "start_failed",
    "stop",
]


def launch(core: Core, pool: Pool, gpu: GpuChoice | None) -> None:
    """Start a container and count what it holds."""
    number = core.next_number
    core.next_number += 1
    container = Container(f"{core.prefix}{number}", number, pool, Hold(pool.spec.resources, gpu))
    core.containers[container.id] = core.numbered[number] = pool.containers[container.id] = container
    core.ledger.take(container.hold)
    core.settle(container)
    core.emit(Launch(container.id, pool.id, gpu))


def launched(core: Core, event: Launched) -> None:
    """The process exists: the clock of its start-up runs."""
    container = core.containers.get(event.container)
    if container is None or container.life != Life.LAUNCHING:
        return
    spec = container.pool.spec
    container.life = Life.STARTING
    limit = spec.startup_timeout_s
    container.deadline = core.now + (max(spec.timeout_s, core.settings.startup_s) if limit is None else limit)
    core.timers.wake(container, container.deadline)


def put_off(core: Core, container: Container, reason: str) -> None:
    """No room on the host for it: try again later, or another GPU."""
    pool = container.pool
    gpu = container.hold.gpu
    _remove(core, container)
    wait = min(core.settings.start_backoff_s * 2**pool.deferrals, core.settings.max_backoff_s)
    pool.deferrals += 1
    if gpu is not None:
        pool.refused[str(gpu)] = core.now + wait
    else:
        pool.try_at = core.now + wait
    if not pool.noticed:
        pool.noticed = True
        core.notice(f"waiting for room to start a container: {reason}", pool=pool)


def container_ready(core: Core, event: ContainerReady) -> None:
    """It takes inputs."""
    container = core.containers.get(event.container)
    if container is None or container.life not in (Life.LAUNCHING, Life.STARTING):
        return
    container.life = Life.READY
    container.deadline = None
    container.ready_at = core.now
    pool = container.pool
    pool.start_failures = pool.deferrals = 0
    pool.gpu_since = None
    pool.noticed = pool.tried = False
    core.settle(container)


def container_failed(core: Core, event: ContainerFailed) -> None:
    """Import or enter failed; the exit comes apart, and is forced if it does not."""
    container = core.containers.get(event.container)
    if container is None or container.life not in (Life.LAUNCHING, Life.STARTING):
        return
    container.life = Life.STOPPING
    container.expected = True
    container.deadline = core.now + container.pool.spec.grace_s
    core.timers.wake(container, container.deadline)
    core.settle(container)
    start_failed(core, container, event.error, fatal=event.fatal)


def start_failed(core: Core, container: Container, error: Any, *, fatal: bool = False) -> None:
    """Try again after a while; after several tries in a row the waiting inputs get the error (cls.enter-fails).

    Containers that were started before the last counted failure belong to its wave and count no more.
    """
    pool = container.pool
    settings = core.settings
    if container.number > pool.failed_upto:
        pool.failed_upto = core.next_number - 1
        pool.start_failures += 1
        wait = settings.start_backoff_s * 2.0 ** (pool.start_failures - 1)
        pool.try_at = core.now + min(wait, settings.max_backoff_s)
        if not fatal and pool.error is None and pool.start_failures < settings.max_starts:
            core.notice(f"container {container.id} failed to start; trying again", "warning", container=container)
    served = any(other.life == Life.READY and not other.parked for other in pool.containers.values())
    if fatal or (pool.start_failures >= settings.max_starts and not served):
        refuse_pool(core, pool, error)


def container_exited(core: Core, event: ContainerExited) -> None:
    """It is gone, whatever way: nothing of it is held any more, and its inputs go elsewhere or end."""
    container = core.containers.get(event.container)
    if container is None:
        return
    pool = container.pool
    starting = container.life in (Life.LAUNCHING, Life.STARTING)
    idle = not container.running
    if container.life < Life.KILLING and container.running:
        _bereave(core, container, event)
    _remove(core, container)
    if idle and not container.expected:  # not sooner, lest one that dies whenever it is idle is started over and over
        pool.try_at = max(pool.try_at, core.now + core.settings.start_backoff_s)
    if starting:
        detail = event.detail or "no more is known"
        kind = "OutOfMemoryError" if event.cause == "out_of_memory" else "ContainerStartError"
        text = f"container {container.id} ended ({event.cause}) before it was ready: {detail}"
        start_failed(core, container, Failure(kind, text))


def stop(core: Core, container: Container) -> None:
    """Ask it to finish what runs and leave; it is killed if it has not left in time."""
    if container.life >= Life.STOPPING:
        return
    if container.life < Life.READY:
        recycle(core, container, "not needed any more")
        return
    grace = container.pool.spec.grace_s
    container.life = Life.STOPPING
    container.expected = True
    container.deadline = core.now + grace + core.settings.stop_slack_s
    core.timers.wake(container, container.deadline)
    core.emit(Stop(container.id, grace))
    core.settle(container)


def _bereave(core: Core, container: Container, event: ContainerExited) -> None:
    """What the dead container ran is charged to the infrastructure budget, what merely waited in it is not."""
    entries = list(container.running.items())
    charged: list[Input] = []
    spared: list[Input] = []
    for place, (attempt, item) in enumerate(entries):
        if item.attempt == attempt:
            ran = place == 0 or not container.pool.single
            (charged if ran and not container.expected else spared).append(item)
    for item in reversed(spared):
        restart(core, container, item)
    for item in charged:
        lost(core, container, item, event.cause, event.detail)
    forget_running(core, container)


def _remove(core: Core, container: Container) -> None:
    container.life = Life.GONE
    core.settle(container)
    container.wake_at = None
    container.held.clear()
    core.unparks.pop(container, None)
    core.ledger.give(container.hold)
    del core.containers[container.id], core.numbered[container.number], container.pool.containers[container.id]
    core.freed()
