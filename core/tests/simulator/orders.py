"""Carrying out what the engine asks for, as a driver would; and checking on the way that it may ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from intermodal.engine.commands import (
    CallEnded,
    CancelAttempts,
    Deliver,
    Dispatch,
    GrantCredit,
    Kill,
    Launch,
    Park,
    PoolForgotten,
    Stop,
)
from intermodal.engine.model import ATTEMPT_BITS
from intermodal.specs.status import ITEM

from .container import Container, Task

if TYPE_CHECKING:
    from .world import World

__all__ = ["CARRY_OUT"]


def _launch(world: World, command: Launch) -> None:
    world.limits.take(command)
    box = world.containers[command.container] = Container(world, command, world.specs[command.pool])
    box.begin(world.launch_plan(command))


def _dispatch(world: World, command: Dispatch) -> None:
    assert not world.limits.parked(command.container), f"inputs for the parked container {command.container}"
    names = {f"{world.prefix}{item.attempt >> ATTEMPT_BITS}" for item in command.inputs}
    assert names == {command.container}, f"attempts that are over, or of others, for {command.container}"
    box = world.containers.get(command.container)
    if box is None:
        return
    assert box.ready, f"inputs for {box.id}, which is not ready"
    assert not box.stopping, f"inputs for {box.id}, which is to stop"
    batch = None
    if command.batch:
        batch = command.inputs[0].attempt
        policies = {(item.method, box.spec.methods[item.method].batching) for item in command.inputs}
        ((_, policy),) = policies
        assert policy is not None
        assert len(command.inputs) <= policy.max_size, f"a batch of {len(command.inputs)}"
    tasks = [Task(item, box, batch) for item in command.inputs]
    world.network.down(box.id, box.receive, command, tasks)


def _cancel(world: World, command: CancelAttempts) -> None:
    box = world.containers.get(command.container)
    if box is not None:
        world.network.down(box.id, box.cancel, command)


def _grant(world: World, command: GrantCredit) -> None:
    box = world.containers.get(command.container)
    if box is not None:
        world.network.down(box.id, box.grant, command)


def _park(world: World, command: Park) -> None:
    world.limits.park(command.container, command.parked, of_itself=command.container in world.woke)


def _stop(world: World, command: Stop) -> None:
    box = world.containers.get(command.container)
    if box is not None:
        box.stopping = True
        world.network.down(box.id, box.stop)


def _kill(world: World, command: Kill) -> None:
    box = world.containers.get(command.container)
    if box is not None:
        delay = world.odds.kill_s * (world.random.random() if world.odds.stay else 1.0)
        world.network.down(box.id, world.agenda.after, delay, box.exit, "killed")


def _deliver(world: World, command: Deliver) -> None:
    call = command.call
    assert len(command.indices) == len(command.statuses) == len(command.payloads)
    assert call not in world.ended, f"outputs after the end of {call}"
    results = len(command.statuses) - command.statuses.count(ITEM)
    world.delivered += results
    task = world.nested.get(call)
    if task is not None and task.box.alive:
        assert not world.limits.parked(task.box.id), f"outputs for the parked container {task.box.id}"
        world.network.down(task.box.id, task.box.outputs, task, results)
    if world.record:
        entries = list(zip(command.indices, command.statuses, command.payloads, strict=True))
        world.outputs.setdefault(call, []).extend(entries)
        world.watch.expect_end(call, entries)
    world.on_outputs(command)


def _end(world: World, command: CallEnded) -> None:
    assert command.call not in world.ended, f"{command.call} ended twice"
    world.ended.add(command.call)
    world.open_calls.pop(command.call, None)
    world.nested.pop(command.call, None)


def _forgotten(world: World, command: PoolForgotten) -> None:
    known = [each.id for each in world.engine._core.containers.values() if each.pool.id == command.pool]
    assert not known, f"pool {command.pool} is forgotten and has {known}"
    world.forgotten.add(command.pool)


CARRY_OUT: dict[type, Callable[[World, Any], None]] = {
    Launch: _launch,
    Dispatch: _dispatch,
    CancelAttempts: _cancel,
    GrantCredit: _grant,
    Park: _park,
    Stop: _stop,
    Kill: _kill,
    Deliver: _deliver,
    CallEnded: _end,
    PoolForgotten: _forgotten,
}
