"""How one attempt ends short of a result: retried, lost with its container, abandoned, given back (retry.policy,
retry.poison)."""

from __future__ import annotations

from typing import Any

from intermodal.engine.commands import Failure, Kill
from intermodal.engine.core import Core
from intermodal.engine.model import QUEUED, SLEEPING, Container, Input, Life
from intermodal.engine.recording import detach, finish
from intermodal.specs.status import CANCELLED, ERROR

__all__ = [
    "abandon",
    "await_answer",
    "enqueue",
    "failed",
    "forget_running",
    "lost",
    "recycle",
    "release",
    "restart",
    "unqueue",
]

_MOST_RESTARTS = 100


def failed(core: Core, container: Container, item: Input, payload: Any) -> None:
    """An exception or a timeout in `container`: consumes a retry, or is the result."""
    policy = item.owner.policy
    retries = policy.retries
    if retries is None or policy.is_generator or item.owner.pool.stopping:
        finish(core, item, ERROR, payload, container)
        return
    extra = item.more()
    if extra.retries >= retries.max_retries:
        finish(core, item, ERROR, payload, container)
        return
    extra.retries += 1
    _again(core, item, retries.delay(extra.retries))


def lost(core: Core, container: Container, item: Input, cause: str, detail: str) -> None:
    """The container died while it ran this input: a budget of its own, at once the first time, then with back-off."""
    extra = item.more()
    extra.losses += 1
    settings = core.settings
    streamed = item.owner.policy.is_generator and extra.items
    if extra.losses >= settings.max_losses or streamed:
        kind = "OutOfMemoryError" if cause == "out_of_memory" else "ContainerLostError"
        times = f"container {container.id} ended ({cause}) while it ran input {item.index}, on try {item.tries}"
        why = "; part of its stream was delivered already, so it is not run again" if streamed else ""
        failure = Failure(kind, f"{times}{why}{': ' + detail if detail else ''}")
        finish(core, item, ERROR, failure, container)
        return
    core.notice(
        f"container {container.id} ended ({cause}); input {item.index} runs again", "warning",
        call=item.owner, container=container,
    )  # fmt: skip
    _again(core, item, settings.loss_backoff_s * 2.0 ** (extra.losses - 2) if extra.losses > 1 else 0.0)


def restart(core: Core, container: Container, item: Input) -> None:
    """The attempt is over through no fault of the input: it goes first in the queue and nothing is charged."""
    if item.owner.policy.is_generator and item.extra is not None and item.extra.items:
        text = f"container {container.id} was ended after part of this stream was delivered, so it is not run again"
        finish(core, item, ERROR, Failure("ContainerLostError", text), container)
        return
    detach(core, container, item)
    extra = item.more()
    extra.restarts += 1
    if extra.restarts > _MOST_RESTARTS:  # every call ends, also where neighbours die for ever
        text = f"its containers were ended {_MOST_RESTARTS} times because of other inputs, {container.id} the last"
        finish(core, item, ERROR, Failure("ContainerLostError", text), container)
        return
    item.attempt = QUEUED
    enqueue(core, item, front=True)


def abandon(core: Core, container: Container, item: Input, why: str) -> None:
    """Nobody waits for this live attempt any more. It stays in `running`, dead, until the container has answered.

    The caller changes `item.attempt` right after. A running sync function among several cannot be interrupted: its
    container is recycled (conc.cancel).
    """
    attempt = item.attempt
    container.dead += 1
    detach(core, container, item)
    attempts = [attempt]
    group = container.groups.get(attempt)
    if group is not None:
        group.live -= 1
        if group.live:  # the others of its batch go on
            return
        attempts = group.attempts
    pool = container.pool
    if pool.spec.max_inputs > 1 and not item.owner.policy.is_async:
        item.attempt = SLEEPING  # so that recycling does not requeue it
        recycle(core, container, f"{why}: a sync function among concurrent ones cannot be interrupted")
        return
    core.cancel(container, attempts)
    if not pool.single or attempt == container.head:
        await_answer(core, container)
    core.settle(container)


def await_answer(core: Core, container: Container) -> None:
    """Give an interrupted container its grace period to answer."""
    if container.grace_at is None:
        container.grace_at = core.now + container.pool.spec.grace_s
        core.timers.wake(container, container.grace_at)


def recycle(core: Core, container: Container, reason: str) -> None:
    """Kill the container; live inputs in it are rescheduled and consume nothing."""
    if container.life >= Life.KILLING:
        return
    container.life = Life.KILLING
    container.expected = True
    core.emit(Kill(container.id, reason))
    release(core, container)


def release(core: Core, container: Container) -> None:
    """Take every input out of the container; live ones go back to the queue in their order."""
    items = [item for attempt, item in container.running.items() if item.attempt == attempt]
    for item in reversed(items):
        restart(core, container, item)
    forget_running(core, container)


def forget_running(core: Core, container: Container) -> None:
    """The container has no inputs any more."""
    container.running.clear()
    container.groups.clear()
    container.batches = container.dead = container.waiting = 0
    container.grace_at = None
    container.held.clear()
    core.unparks.pop(container, None)
    core.settle(container)


def enqueue(core: Core, item: Input, *, front: bool = False) -> None:
    """Put an input into the queue again. Those under suspicion of killing containers wait to run alone.

    Where the pool takes no more, the input ends.
    """
    call = item.owner
    pool = call.pool
    if pool.stopping:
        finish(core, item, CANCELLED, Failure("InputCancelledError", "the app was stopped"))
        return
    if pool.error is not None:
        finish(core, item, ERROR, pool.error)
        return
    core.look_at(pool)
    if item.extra is not None and item.extra.losses:
        pool.solo_queue.append(item)
        pool.solo_size += 1
    elif call.policy.batching is not None:
        pool.batchers[call.method].add_again(item)
    else:
        call.again.appendleft(item) if front else call.again.append(item)
        pool.queue.add(call, 1)


def unqueue(core: Core, item: Input) -> None:
    """Take a queued input (one that ran before) out of the counts; the queues drop it when they come to it."""
    pool = item.owner.pool
    if item.extra is not None and item.extra.losses:
        pool.solo_size -= 1
    elif item.owner.policy.batching is not None:
        pool.batchers[item.owner.method].alone -= 1
    else:
        pool.queue.size -= 1


def _again(core: Core, item: Input, delay: float) -> None:
    if item.attempt > 0:
        detach(core, core.holder(item), item)
    if delay > 0:
        item.attempt = SLEEPING
        core.timers.sleep(item, core.now + delay)
    else:
        item.attempt = QUEUED
        enqueue(core, item)
