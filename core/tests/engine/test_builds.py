"""Builds that wait for GPUs: nested calls whose callers hold these fail, and nobody else's do (image.resources)."""

from __future__ import annotations

from typing import Any

from simulator import Program, World

from intermodal.engine.commands import Deliver, KillSandbox, Launch, SandboxEnded
from intermodal.engine.events import BuildWaits, SandboxCreated, SandboxGone
from intermodal.specs import GpuChoice, GpuRequest, Resources, ResourceTotals

T4 = GpuRequest((GpuChoice("T4"),))


def world_with(devices: int, **outer: Any) -> tuple[World, list[Any]]:
    """A world whose pool `outer` calls `inner`, the image of which is not built; and what calls are refused with."""
    world = World(totals=ResourceTotals(cpu=8.0, memory=8192, gpus={"T4": devices}))
    world.add("outer", **outer)
    world.add("inner")
    refusals: list[Any] = []

    def watch(command: Deliver) -> None:
        refusals.extend(payload for payload in command.payloads if not isinstance(payload, str))

    world.on_outputs = watch
    world.launch_plan = lambda launch: "hang" if launch.pool == "inner" else None
    return world, refusals


def nest(world: World) -> str:
    """`outer` runs, and has called `inner`."""
    call = world.submit("outer", [Program("outer", pool="inner", children=(Program("inner"),))])
    while "inner" not in [launch.pool for launch in world.said(Launch)]:
        world.run(until=world.now + 0.1)
    return call


def test_a_nested_call_fails_whose_caller_holds_what_the_build_needs() -> None:
    """At once and by the chain's names; the caller goes on."""
    world, refusals = world_with(1, resources=Resources(gpu=T4))
    call = nest(world)
    world.send(BuildWaits(["inner"], T4))
    world.run(until=world.now + 1.0)
    assert world.values(call) == ["outer"]
    (failure,) = refusals
    assert failure.error == "ResourceExhaustedError"
    assert "outer → inner" in failure.message


def test_calls_that_others_hold_up_wait() -> None:
    """A caller without devices, or one beside whom there are more, holds up nothing."""
    for devices, outer in ((1, Resources()), (2, Resources(gpu=T4))):
        world, refusals = world_with(devices, resources=outer)
        call = nest(world)
        world.send(BuildWaits(["inner"], T4))
        world.run(until=world.now + 1.0)
        assert not refusals
        assert not world.results(call)


def test_a_call_that_is_not_nested_stays_beside_one_that_fails() -> None:
    """It waits for the same build, and gets its result when that is done."""
    world, refusals = world_with(1, resources=Resources(gpu=T4))
    nest(world)
    later = world.submit("inner", [Program("later")])
    world.send(BuildWaits(["inner", "gone"], T4))
    world.run(until=world.now + 1.0)
    assert len(refusals) == 1
    assert not world.results(later)


def sandbox_of(world: World, maker: str, resources: Resources) -> list[Any]:
    """Have code in that container ask for a sandbox whose image is not built; what is said of its end."""
    world.send(SandboxCreated("box", resources, 10.0, maker=maker))
    world.send(BuildWaits(["box"], T4))
    world.run(until=world.now + 1.0)
    if world.said(KillSandbox):
        world.send(SandboxGone("box", "killed"))
    return [(ended.cause, ended.detail) for ended in world.said(SandboxEnded)]


def test_a_sandbox_fails_whose_maker_holds_what_it_needs() -> None:
    """The build of its image, or the sandbox itself; at once, with words that say so."""
    for resources in (Resources(), Resources(gpu=T4)):
        world, _ = world_with(1, resources=Resources(gpu=T4))
        nest(world)
        ((cause, detail),) = sandbox_of(world, world.said(Launch)[0].container, resources)
        assert cause == "start_failed"
        assert "the function that makes it" in detail


def test_sandboxes_that_others_hold_up_wait() -> None:
    """One that no function makes, one whose maker holds nothing, or beside whose maker there are devices."""
    for devices, outer, known in ((1, Resources(gpu=T4), False), (1, Resources(), True), (2, Resources(gpu=T4), True)):
        world, _ = world_with(devices, resources=outer)
        nest(world)
        assert sandbox_of(world, world.said(Launch)[0].container if known else "", Resources()) == []
