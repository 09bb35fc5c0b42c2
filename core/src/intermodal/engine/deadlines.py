"""What happens when time passes: timeouts, grace periods, start-up limits (call.timeout, conc.cancel)."""

from __future__ import annotations

from intermodal.engine import sandboxes
from intermodal.engine.attempts import abandon, enqueue, failed, recycle
from intermodal.engine.commands import Failure
from intermodal.engine.core import Core
from intermodal.engine.lifecycle import start_failed
from intermodal.engine.model import QUEUED, Container, Input, Life, Pool, Sandbox
from intermodal.engine.parking import confirm_late
from intermodal.engine.room import evict

__all__ = ["pass_time"]


def pass_time(core: Core) -> None:
    """Do what has come due."""
    evict(core)
    for target in core.timers.due(core.now):
        if isinstance(target, Input):
            target.attempt = QUEUED
            enqueue(core, target)
        elif isinstance(target, Pool):
            core.look_at(target)
        elif isinstance(target, Sandbox):
            sandboxes.look_at(core, target)
        elif target.life != Life.GONE:
            _look_at(core, target)


def _look_at(core: Core, container: Container) -> None:
    life = container.life
    if life == Life.READY:
        _look_at_running(core, container)
    elif life in (Life.STARTING, Life.STOPPING) and container.deadline is not None:
        if core.now < container.deadline:
            core.timers.wake(container, container.deadline)
        elif life == Life.STOPPING:
            recycle(core, container, "it did not leave within its grace period")
        else:
            limit = container.pool.spec.startup_timeout_s
            recycle(core, container, "it did not become ready in time")
            text = f"container {container.id} did not become ready within its start-up timeout"
            hint = f" of {limit:g} s" if limit is not None else ""
            start_failed(
                core,
                container,
                Failure("ContainerStartError", f"{text}{hint}; raise startup_timeout if it needs longer"),
            )


def _look_at_running(core: Core, container: Container) -> None:
    if container.grace_at is not None and core.now >= container.grace_at:
        recycle(core, container, "an interrupted input did not end within the grace period")
        return
    if container.unconfirmed_at is not None and core.now >= container.unconfirmed_at:
        confirm_late(core, container)
    timeout = container.pool.spec.timeout_s
    soonest = container.grace_at
    for item in [item for attempt, item in container.running.items() if item.attempt == attempt]:
        if item.started + timeout > core.now:
            soonest = item.started + timeout if soonest is None else min(soonest, item.started + timeout)
            break
        abandon(core, container, item, "an input timed out")
        failed(
            core,
            container,
            item,
            Failure("FunctionTimeoutError", f"input {item.index} ran longer than its timeout of {timeout:g} s"),
        )
        if container.life != Life.READY or container.pool.single:
            break
    if container.life == Life.READY:
        for when in (soonest, container.grace_at, container.unconfirmed_at):
            if when is not None:
                core.timers.wake(container, when)
