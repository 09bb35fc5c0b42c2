"""A sandbox's life: room for it, its timeouts, its end and why it came (sandbox.end, scale.resources).

    WAITING ──room──▶ STARTING ──started──▶ RUNNING ──program ended, timeout, terminated──▶ ENDING ──gone──▶ ended
       ▲──────deferred──────┘

Whoever gives the first reason for the end decides what is told of it: a program that happens to end when the sandbox
is being terminated changes nothing any more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from intermodal.engine.commands import KillProcess, KillSandbox, SandboxEnded, StartSandbox
from intermodal.engine.core import Core
from intermodal.engine.events import (
    BuildWaits,
    SandboxCreated,
    SandboxDeferred,
    SandboxGone,
    SandboxProcessEnded,
    SandboxProcessStarted,
    SandboxProgramEnded,
    SandboxStarted,
    SandboxTerminated,
)
from intermodal.engine.giving import NOTHING, find_room
from intermodal.engine.lifecycle import stop
from intermodal.engine.model import Sandbox
from intermodal.engine.resources import Hold
from intermodal.engine.room import chain_of
from intermodal.specs import Resources

__all__ = [
    "TERMINATED",
    "TIMED_OUT",
    "admit",
    "build_waits",
    "created",
    "deferred",
    "gone",
    "look_at",
    "process_ended",
    "process_started",
    "program_ended",
    "started",
    "terminated",
]

#: Exit codes of sandboxes that did not end by themselves.
TIMED_OUT, TERMINATED = 124, 137

#: What waits for the sandbox and is in its way.
_HELD = "the function that makes it, or a caller of that, holds"

Cause = Literal["exited", "timeout", "terminated", "start_failed"]


def created(core: Core, event: SandboxCreated) -> None:
    """It waits for room; one that can never have it ends at once."""
    if event.sandbox in core.sandboxes:
        return
    sandbox = Sandbox(event.sandbox, event.resources, event.timeout_s, event.idle_timeout_s, event.maker)
    if reason := core.ledger.never(event.resources):
        core.emit(SandboxEnded(event.sandbox, "start_failed", 1, f"it can never start here: {reason}"))
        return
    core.sandboxes[sandbox.id] = sandbox
    core.waiting_sandboxes[sandbox] = None


def admit(core: Core) -> None:
    """Start those that there is room for, first come, first served; idle containers of functions make way."""
    for sandbox in list(core.waiting_sandboxes):
        if core.now < sandbox.try_at:
            core.timers.wake(sandbox, sandbox.try_at)
            continue
        lacking = core.ledger.lacks(sandbox.resources)
        if lacking is not None and _held_by_maker(core, sandbox, sandbox.resources):
            del core.waiting_sandboxes[sandbox]
            _forget(core, sandbox, "start_failed", 1, f"it can never start: {_HELD} what it needs ({lacking})")
            continue
        if lacking is not None:
            _make_way(core)
            if not sandbox.deferrals:
                sandbox.deferrals = 1
                core.notice(f"sandbox {sandbox.id} waits for {lacking}: others hold it")
            return
        del core.waiting_sandboxes[sandbox]
        sandbox.hold = Hold(sandbox.resources, None)
        core.ledger.take(sandbox.hold)
        sandbox.state = Sandbox.STARTING
        core.emit(StartSandbox(sandbox.id))


def build_waits(core: Core, event: BuildWaits) -> None:
    """Those fail whose own maker holds what the build of their image needs: it waits for them, and that would never
    end (image.resources)."""
    wanted = Resources(cpu=0.0, memory=0, gpu=event.request)
    for sandbox in filter(None, map(core.sandboxes.get, event.pools)):
        if sandbox.state == Sandbox.STARTING and _held_by_maker(core, sandbox, wanted):
            sandbox.detail = (
                f"it can never start: a step of its image needs GPUs, and {_HELD} them. Build the image first, "
                "`image.build()`, or ask for fewer GPUs"
            )
            _end(core, sandbox, "start_failed", 1)


def _held_by_maker(core: Core, sandbox: Sandbox, wanted: Resources) -> bool:
    """Whether the container that waits for it, and those that wait for that one, hold so much that there can be no
    room for `wanted` meanwhile."""
    maker = core.containers.get(sandbox.maker)
    if maker is None:
        return False
    chain = [maker, *(above for each in maker.running.values() for above in chain_of(core, each.owner))]
    return not core.ledger.beside(wanted, [container.hold for container in dict.fromkeys(chain)])


def _make_way(core: Core) -> None:
    if core.leaving:
        return
    for pool in core.pools.values():
        container = next(iter(pool.idle.values()), None)
        if container is not None and not pool.waiting:
            stop(core, container)
            return


def deferred(core: Core, event: SandboxDeferred) -> None:
    """The host has no room, whatever the ledger says: somebody else holds it, and may give way."""
    sandbox = core.sandboxes.get(event.sandbox)
    if sandbox is None or sandbox.state not in (Sandbox.STARTING, Sandbox.ENDING):
        return
    _release(core, sandbox)
    if sandbox.state == Sandbox.ENDING:
        _forget(core, sandbox, sandbox.cause or "terminated", sandbox.code, sandbox.detail)
        return
    if not sandbox.deferrals:
        core.notice(f"sandbox {sandbox.id} waits: {event.reason}")
    wait = core.settings.start_backoff_s * 2.0**sandbox.deferrals
    sandbox.deferrals += 1
    sandbox.try_at = core.now + min(wait, core.settings.max_backoff_s)
    sandbox.state = Sandbox.WAITING
    core.waiting_sandboxes[sandbox] = None
    resources = sandbox.resources
    find_room(core, replace(resources, gpu=None) if not event.gpus else replace(NOTHING, gpu=resources.gpu))


def started(core: Core, event: SandboxStarted) -> None:
    """Its container is there. One that is not wanted any more is being killed already."""
    sandbox = core.sandboxes.get(event.sandbox)
    if sandbox is None or sandbox.state != Sandbox.STARTING:
        return
    sandbox.state = Sandbox.RUNNING
    sandbox.deadline = core.now + sandbox.timeout_s
    sandbox.idle_since = core.now
    look_at(core, sandbox)


def program_ended(core: Core, event: SandboxProgramEnded) -> None:
    """And the sandbox with it."""
    sandbox = core.sandboxes.get(event.sandbox)
    if sandbox is not None:
        _end(core, sandbox, "exited", event.code)


def terminated(core: Core, event: SandboxTerminated) -> None:
    """Idempotent; nothing is waited for."""
    sandbox = core.sandboxes.get(event.sandbox)
    if sandbox is None:
        return
    if sandbox.state == Sandbox.WAITING:
        core.waiting_sandboxes.pop(sandbox, None)
        _forget(core, sandbox, "terminated", TERMINATED, "")
    else:
        _end(core, sandbox, "terminated", TERMINATED)


def process_started(core: Core, event: SandboxProcessStarted) -> None:
    """It counts as use of the sandbox, and may have a limit of its own."""
    sandbox = core.sandboxes.get(event.sandbox)
    if sandbox is None or sandbox.state != Sandbox.RUNNING:
        return
    sandbox.processes[event.process] = None
    if event.timeout_s is not None:
        sandbox.limits[event.process] = core.now + event.timeout_s
        core.timers.wake(sandbox, core.now + event.timeout_s)


def process_ended(core: Core, event: SandboxProcessEnded) -> None:
    """After the last one the sandbox is idle."""
    sandbox = core.sandboxes.get(event.sandbox)
    if sandbox is None:
        return
    sandbox.limits.pop(event.process, None)
    if sandbox.processes.pop(event.process, event) is None and not sandbox.processes:
        sandbox.idle_since = core.now
        look_at(core, sandbox)


def look_at(core: Core, sandbox: Sandbox) -> None:
    """Time has passed."""
    if sandbox.state != Sandbox.RUNNING or sandbox.deadline is None:
        return
    if core.now >= sandbox.deadline:
        _end(core, sandbox, "timeout", TIMED_OUT)
        return
    for process in [process for process, limit in sandbox.limits.items() if core.now >= limit]:
        del sandbox.limits[process]
        core.emit(KillProcess(sandbox.id, process))
    soonest = min([sandbox.deadline, *sandbox.limits.values()])
    if sandbox.idle_timeout_s is not None and not sandbox.processes:
        idle_at = sandbox.idle_since + sandbox.idle_timeout_s
        if core.now >= idle_at:
            _end(core, sandbox, "terminated", TERMINATED)
            return
        soonest = min(soonest, idle_at)
    core.timers.wake(sandbox, soonest)


def gone(core: Core, event: SandboxGone) -> None:
    """Nothing of it is left."""
    sandbox = core.sandboxes.get(event.sandbox)
    if sandbox is None:
        return
    core.waiting_sandboxes.pop(sandbox, None)
    _release(core, sandbox)
    if sandbox.cause is not None:
        _forget(core, sandbox, sandbox.cause, sandbox.code, sandbox.detail or event.detail)
        return
    code = TERMINATED if event.code is None else event.code
    if event.cause in ("out_of_memory", "start_failed"):
        _forget(core, sandbox, event.cause, code, event.detail)
    else:  # nobody asked for it
        _forget(core, sandbox, "lost", code, event.detail or f"its container ended ({event.cause})")


def _end(core: Core, sandbox: Sandbox, cause: Cause, code: int) -> None:
    if sandbox.cause is not None:
        return
    sandbox.cause, sandbox.code = cause, code
    sandbox.state = Sandbox.ENDING
    core.emit(KillSandbox(sandbox.id))


def _release(core: Core, sandbox: Sandbox) -> None:
    if sandbox.hold is not None:
        core.ledger.give(sandbox.hold)
        sandbox.hold = None
        core.freed()


def _forget(
    core: Core,
    sandbox: Sandbox,
    cause: Literal["exited", "timeout", "terminated", "out_of_memory", "lost", "start_failed"],
    code: int,
    detail: str,
) -> None:
    sandbox.wake_at = None
    del core.sandboxes[sandbox.id]
    core.emit(SandboxEnded(sandbox.id, cause, code, detail))
