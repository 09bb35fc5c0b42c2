"""Results come in: fenced by attempt, recorded once, measured for scaling and sending ahead."""

from __future__ import annotations

from typing import Any

from intermodal.engine.attempts import await_answer, enqueue, failed
from intermodal.engine.commands import Failure
from intermodal.engine.core import Core
from intermodal.engine.events import InputsReturned, ResultsArrived
from intermodal.engine.lifecycle import stop
from intermodal.engine.model import ENDED, QUEUED, Container, Input, Life, Pool
from intermodal.engine.parking import park_if_blocked
from intermodal.engine.recording import detach, finish, output
from intermodal.specs.status import CANCELLED, ERROR, ITEM

__all__ = ["inputs_returned", "results_arrived"]

_MOST_AHEAD = 256
_WEIGHT = 0.3


def results_arrived(core: Core, event: ResultsArrived) -> None:
    """Record what is live, drop what nobody waits for, refuse what is unknown (fault 7)."""
    container = core.containers.get(event.container)
    if container is None or container.life >= Life.KILLING:
        _fence(core, event.container, len(event.attempts))
        return
    running = container.running
    outputs = core.outputs
    late = ended = 0
    for attempt, status, payload in zip(event.attempts, event.statuses, event.payloads, strict=False):
        if status == ITEM:
            late += not _item(core, running.get(attempt), attempt, payload)
            continue
        item = running.pop(attempt, None)
        if item is None:
            late += 1
            continue
        if container.groups:
            _leave_group(container, attempt, item)
        if item.attempt != attempt:
            container.dead -= 1
            continue
        if item.extra is not None:
            detach(core, container, item)
        if status == ERROR:
            failed(core, container, item, payload)
            continue
        if status == CANCELLED:
            finish(core, item, CANCELLED, Failure("InputCancelledError", "the input ended itself as cancelled"))
            continue
        # the common end, written out: `finish` for a success
        item.attempt = ENDED
        call = item.owner
        del call.live[item.index]
        call.pending -= 1
        ended += 1
        out = call.out
        if out is None:
            out = call.out = ([], [], [])
            outputs[call] = None
        out[0].append(item.index)
        out[1].append(status)
        out[2].append(payload)
    core.counters.succeeded += ended
    core.counters.pending -= ended
    if late:
        _fence(core, container.id, late)
    _measure(core, container.pool, len(event.attempts) - late, event.busy_s, event.cpu_s)
    progressed(core, container)


def inputs_returned(core: Core, event: InputsReturned) -> None:
    """Inputs sent ahead that the container had not started: first in the queue, not counted as a try."""
    container = core.containers.get(event.container)
    if container is None or container.life >= Life.KILLING:
        return
    pool = container.pool
    returned: list[Input] = []
    for attempt in event.attempts:
        item = container.running.pop(attempt, None)
        if item is None:
            continue
        if container.groups:
            _leave_group(container, attempt, item)
        if item.attempt == attempt:
            returned.append(item)
        else:
            container.dead -= 1
    for item in reversed(returned):
        item.attempt = QUEUED
        item.tries -= 1
        enqueue(core, item, front=True)
    if returned:
        pool.window = max(1, pool.window // 2)
    progressed(core, container)


def progressed(core: Core, container: Container) -> None:
    """Attempts left the container: the next one has become the head and its clock starts."""
    running = container.running
    if not running:
        container.grace_at = None
        container.head = 0
    elif container.pool.single:
        head = next(iter(running))
        if head != container.head:
            container.head = head
            item = running[head]
            item.started = core.now if item.attempt == head else item.started
            container.grace_at = None
            if item.attempt != head:
                await_answer(core, container)
    elif not container.dead:
        container.grace_at = None
    core.loaded(container)
    if container.waiting:
        park_if_blocked(core, container)
    if container.draining and not running and container.life == Life.READY:
        stop(core, container)


def _item(core: Core, item: Input | None, attempt: int, payload: Any) -> bool:
    """One yield of a generator. False where it is late."""
    if item is None or item.attempt != attempt:
        return item is not None
    item.more().items += 1
    output(core, item.owner, item.index, ITEM, payload)
    return True


def _leave_group(container: Container, attempt: int, item: Input) -> None:
    group = container.groups.pop(attempt, None)
    if group is not None:
        group.live -= item.attempt == attempt
        group.unanswered -= 1
        if not group.unanswered:
            container.batches -= 1


def _measure(core: Core, pool: Pool, count: int, busy_s: float, cpu_s: float) -> None:
    """Learn what an input costs, and send so many ahead that a container has about `ahead_s` of work."""
    pool.progress_at = core.now
    if count <= 0 or busy_s <= 0:
        return
    each = busy_s / count
    pool.service = each if pool.service is None else pool.service + _WEIGHT * (each - pool.service)
    share = cpu_s / busy_s
    # quick to rise, slow to fall: a busy machine makes shares look small
    pool.cpu_share = share if pool.cpu_share is None else max(share, 0.98 * pool.cpu_share + 0.02 * share)
    if pool.single:
        fit = int(core.settings.ahead_s / pool.service)
        pool.window = 1 if fit < 2 else min(2 * pool.window, fit, _MOST_AHEAD)


def _fence(core: Core, container: str, count: int) -> None:
    core.counters.fenced += count
    core.notice(f"refused {count} late or duplicate results of container {container}", "warning")
