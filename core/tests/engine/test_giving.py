"""Idle containers give way to who was refused for lack of room on the host (scale.resources)."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulator import Program, World

from intermodal.engine.commands import AskForRoom, Stop
from intermodal.engine.events import BuildWaits, LaunchDeferred, RoomWanted, SandboxCreated, SandboxDeferred
from intermodal.engine.giving import NOTHING
from intermodal.specs import GpuChoice, GpuRequest, Resources, ResourceTotals, Scaling

TOTALS = ResourceTotals(cpu=8, memory=8192, gpus={"T4": 2, "L4": 2})
EVERYTHING = Resources(cpu=100.0, memory=100_000)


def gpus(kind: str, count: int = 1) -> GpuRequest:
    """Devices of one kind."""
    return GpuRequest((GpuChoice(kind, count),))


cpus = st.sampled_from([0.0, 0.5, 1.0, 2.0])
memories = st.sampled_from([0, 128, 512])
pools = st.fixed_dictionaries(
    {
        "cpu": cpus,
        "memory": memories,
        "gpu": st.sampled_from([None, None, gpus("T4"), gpus("L4")]),
        "min": st.integers(0, 2),
        "buffer": st.integers(0, 1),
        "sleeps": st.lists(st.sampled_from([0.01, 0.3, 2.0]), max_size=5),
    }
)
asks = st.builds(Resources, cpu=cpus, memory=memories, gpu=st.sampled_from([None, gpus("T4"), gpus("L4", 2)]))


def world_of(shapes: list[dict[str, Any]]) -> World:
    """A world with these pools, each with a call."""
    world = World(totals=TOTALS)
    for number, shape in enumerate(shapes):
        world.add(
            f"p{number}",
            resources=Resources(cpu=shape["cpu"], memory=shape["memory"], gpu=shape["gpu"]),
            scaling=Scaling(min_containers=shape["min"], buffer_containers=shape["buffer"], window_s=1000.0),
        )
        world.submit(f"p{number}", [Program((number, n), sleep=sleep) for n, sleep in enumerate(shape["sleeps"])])
    return world


def warm(cpu: float = 1.0, containers: int = 1, least: int = 0, gpu: GpuRequest | None = None) -> World:
    """A world in which `containers` of one pool are idle."""
    world = World(totals=TOTALS)
    resources = Resources(cpu=cpu, memory=128, gpu=gpu)
    world.add("p", resources=resources, scaling=Scaling(min_containers=least, window_s=1000.0))
    world.submit("p", [Program(n, sleep=3.0) for n in range(containers)])
    world.run(until=10)
    assert len(world.containers) == max(containers, least)
    return world


def held(world: World) -> Resources:
    """What the containers hold that are there to stay."""
    staying = [each for each in world.engine._core.containers.values() if not each.leaving]
    return Resources(
        cpu=sum(each.hold.cpu for each in staying) / 1000, memory=sum(each.hold.memory for each in staying)
    )


@given(st.lists(pools, min_size=1, max_size=4), st.floats(0, 4), asks)
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
def test_only_idle_containers_that_nobody_needs_give_way(
    shapes: list[dict[str, Any]], when: float, wanted: Resources
) -> None:
    """Whatever is asked for and when: no container with inputs stops, no pool falls below its minimum, one stops only
    if it helps, and what the engine said would be left over is so."""
    world = world_of(shapes)
    world.run(until=when)
    core = world.engine._core
    before = {name: pool.supply for name, pool in core.pools.items()}
    busy = {each.id for each in core.containers.values() if each.running}
    leaving = any(each.leaving for each in core.containers.values())
    promised, kept, told = world.engine.left_over(wanted), held(world), len(world.commands)
    world.send(RoomWanted(wanted))
    stopped = [command.container for _, command in world.commands[told:] if isinstance(command, Stop)]
    assert not busy.intersection(stopped)
    for name, pool in core.pools.items():
        given = sum(core.containers[id].pool is pool for id in stopped)
        assert not given or before[name] - given >= pool.spec.scaling.min_containers
        assert not (given and pool.waiting)
    freed = [core.containers[id].hold for id in stopped]
    if not leaving:
        assert promised.cpu == max(0.0, wanted.cpu - (kept.cpu - held(world).cpu))
        assert promised.memory == max(0, wanted.memory - (kept.memory - held(world).memory))
    if wanted.gpu is None and freed:  # without the last one it would not have been enough
        cpu, memory = sum(hold.cpu for hold in freed[:-1]), sum(hold.memory for hold in freed[:-1])
        assert cpu < wanted.cpu * 1000 or memory < wanted.memory
    world.run()
    assert all(len(world.results(call)) == len(world.values(call)) for call in world.outputs)


def test_enough_idle_containers_give_way_and_no_more() -> None:
    """Two of four are enough for two cores; those that were idle longest go."""
    world = warm(cpu=1.0, containers=4)
    wanted = Resources(cpu=2.0, memory=0)
    assert world.engine.left_over(wanted) == NOTHING
    world.send(RoomWanted(wanted))
    assert len(world.said(Stop)) == 2
    world.send(RoomWanted(wanted))
    assert len(world.said(Stop)) == 2, "what is leaving already counts"


def test_the_minimum_stays() -> None:
    """`min_containers` never give way, whoever asks."""
    world = warm(containers=3, least=2)
    world.send(RoomWanted(EVERYTHING))
    assert len(world.said(Stop)) == 1


def test_containers_with_devices_of_that_kind_give_way_to_who_wants_some() -> None:
    """Another kind is no help, and cpu is not what is lacking."""
    world = warm(containers=2, gpu=gpus("T4"))
    other = Resources(cpu=0.0, memory=0, gpu=gpus("L4"))
    assert world.engine.left_over(other) == other
    world.send(RoomWanted(other))
    assert not world.said(Stop)
    world.send(RoomWanted(Resources(cpu=0.0, memory=0, gpu=gpus("T4"))))
    assert len(world.said(Stop)) == 1


def test_who_is_refused_asks_for_what_its_own_idle_containers_do_not_bring() -> None:
    """Of two cores, one is idle here; the other one is asked for."""
    world = warm(cpu=1.0, containers=1)
    world.launch_plan = lambda launch: "defer" if launch.pool == "big" else None
    world.add("big", resources=Resources(cpu=2.0, memory=64))
    world.submit("big", [Program(1)])
    world.run(until=world.now + 0.05)
    assert [command.resources for command in world.said(AskForRoom)] == [Resources(cpu=1.0, memory=0)]
    assert len(world.said(Stop)) == 1


def test_who_is_refused_devices_asks_for_those() -> None:
    """Whether for a container, a sandbox or a step of an image."""
    world = World(totals=TOTALS)
    world.add("p", resources=Resources(cpu=1.0, memory=64, gpu=gpus("T4")))
    world.submit("p", [Program(1)])
    container = next(iter(world.containers))
    world.send(LaunchDeferred(container, "in use", gpus=True))
    world.send(SandboxCreated("sb", Resources(gpu=gpus("L4")), timeout_s=10.0))
    world.send(SandboxDeferred("sb", "in use", gpus=True))
    world.send(BuildWaits(["p"], gpus("L4", 2)))
    asked = [command.resources for command in world.said(AskForRoom)]
    assert asked == [Resources(cpu=0.0, memory=0, gpu=gpu) for gpu in (gpus("T4"), gpus("L4"), gpus("L4", 2))]
