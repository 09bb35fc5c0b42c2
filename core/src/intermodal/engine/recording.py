"""Recording the one result of each input, delivering outputs, ending calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from intermodal.engine.commands import CallEnded, Command, Deliver, InputsFailed
from intermodal.engine.core import Core
from intermodal.engine.model import ENDED, Call, Container, Input, Life
from intermodal.specs.status import CANCELLED, ERROR

__all__ = ["accept", "await_confirmation", "detach", "finish", "flush", "output", "record", "refuse"]


def accept(core: Core, call: Call, count: int) -> None:
    """Count new inputs of a call."""
    call.total += count
    call.pending += count
    core.counters.accepted += count
    core.counters.pending += count
    if not count:  # it may have ended
        core.touch(call)


def output(core: Core, call: Call, index: int, status: int, payload: Any) -> None:
    """Add to what is delivered for the call when the commands go out."""
    if call.out is None:
        call.out = ([], [], [])
        core.outputs[call] = None
    call.out[0].append(index)
    call.out[1].append(status)
    call.out[2].append(payload)


def record(core: Core, call: Call, index: int, status: int, payload: Any) -> None:
    """The recorded result of one input: nothing after it counts."""
    call.pending -= 1
    counters = core.counters
    counters.pending -= 1
    if status == CANCELLED:
        counters.cancelled += 1
    elif status == ERROR:
        counters.failed += 1
    else:
        counters.succeeded += 1
    output(core, call, index, status, payload)


def finish(core: Core, item: Input, status: int, payload: Any, container: Container | None = None) -> None:
    """Record the result of an input that has run or is queued to run again. `container`: where its last try was."""
    if item.attempt > 0 and item.extra is not None:
        detach(core, core.holder(item), item)
    item.attempt = ENDED
    item.owner.live.pop(item.index, None)
    if status == ERROR:
        where = container.id if container is not None else None
        core.emit(InputsFailed(item.owner.id, (item.index,), payload, item.tries, where))
    record(core, item.owner, item.index, status, payload)


def refuse(core: Core, call: Call, indices: Sequence[int], status: int, payload: Any) -> None:
    """Record one and the same result of inputs that will never run."""
    if status == ERROR and indices:
        core.emit(InputsFailed(call.id, indices, payload))
    for index in indices:
        record(core, call, index, status, payload)


def detach(core: Core, container: Container, item: Input) -> None:
    """An attempt ends: it waits for nothing any more, and nested calls that only it wanted are orphans."""
    extra = item.extra
    if extra is None:
        return
    if extra.waiting:
        extra.waiting = False
        container.waiting -= 1
    if extra.children:
        core.orphans += [call for call in extra.children if not call.detached and call.id in core.calls]
        extra.children = []


def flush(core: Core) -> None:
    """Turn recorded outputs into commands; what a parked container waits for is held until it can go on
    (call.nested)."""
    outputs, core.outputs = core.outputs, {}
    for call in outputs:
        commands: list[Command] = []
        host = call.host
        heard = not call.muted and (host is None or host.life < Life.KILLING)
        if call.out is not None and heard:
            commands.append(Deliver(call.id, *call.out))
        call.out = None
        if call.closed and not call.pending and call.id in core.calls:
            commands.append(CallEnded(call.id))
            _forget(core, call)
        if commands and heard and host is not None and host.parked:
            host.held += commands
            core.unparks[host] = None
        else:
            core.commands += commands
            if commands and host is not None and host.waiting:
                await_confirmation(core, host)


def await_confirmation(core: Core, container: Container) -> None:
    """Outputs came for a container that waits: it is not parked again before it had the time to say that it goes on."""
    container.unconfirmed_at = core.now + core.settings.confirm_s
    core.timers.wake(container, container.unconfirmed_at)


def _forget(core: Core, call: Call) -> None:
    del core.calls[call.id]
    if core.put_off:
        for item in core.put_off.pop(call, ()):
            core.timers.sleep(item, core.now)
    mine = core.clients.get(call.client)
    if mine is not None:
        mine.pop(call.id, None)
        if not mine:
            del core.clients[call.client]
    parent = call.parent
    if parent is not None and parent.extra is not None and call in parent.extra.children:
        parent.extra.children.remove(call)
