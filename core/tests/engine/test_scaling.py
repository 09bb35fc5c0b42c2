"""How many containers there are, where inputs go, GPUs, and pools that share a machine."""

from __future__ import annotations

import pytest
from simulator import Program, World

from intermodal.engine import Engine
from intermodal.engine.commands import Dispatch, Launch, Notice, Stop
from intermodal.engine.events import AutoscalerUpdated, CapacityKnown, ContainerReady, ResultsArrived
from intermodal.specs import GpuChoice, GpuRequest, Resources, ResourceTotals, Scaling
from intermodal.specs.status import ERROR, OK


def world_with(cpu: float | None = 4, memory: int | None = 8192, **totals: object) -> World:
    """A world with these totals."""
    return World(totals=ResourceTotals(cpu=cpu, memory=memory, **totals))  # type: ignore[arg-type]


def alive(world: World, pool: str = "p") -> int:
    """Containers of the pool."""
    return sum(1 for box in world.containers.values() if box.pool == pool)


def test_sleeping_inputs_scale_out_to_what_resources_admit() -> None:
    """Many inputs that wait for something get many containers, within the ledger (scale.resources)."""
    world = world_with(cpu=4)
    world.add("p", resources=Resources(cpu=0.125))
    world.submit("p", [Program(n, sleep=3.0) for n in range(100)])
    world.run(until=1.5)
    assert alive(world) == 32
    world.run()


def test_fast_inputs_do_not_start_containers_that_come_too_late() -> None:
    """A backlog that the present containers finish in a moment starts no more."""
    world = world_with(cpu=2)
    world.add("p")
    world.submit("p", [Program(n, sleep=0.00001) for n in range(3000)])
    world.run()
    assert len(world.said(Launch)) == 2


def test_busy_inputs_get_no_more_containers_than_cores() -> None:
    """Containers beyond the cores do not help inputs that use a whole core each."""
    world = world_with(cpu=2)
    world.add("p")
    call = world.submit("p", [Program(n, sleep=0.05) for n in range(400)])
    engine_send = world.send

    def all_cpu(*events: object) -> None:
        for event in events:
            if isinstance(event, ResultsArrived):
                event.cpu_s = event.busy_s
        engine_send(*events)  # type: ignore[arg-type]

    world.send = all_cpu  # type: ignore[method-assign]
    world.run()
    assert len(world.values(call)) == 400
    assert len(world.said(Launch)) == 2


def test_idle_containers_leave_after_the_window_down_to_the_minimum() -> None:
    """`scaledown_window` holds for each; `min_containers` stay (scale.limits)."""
    world = world_with()
    world.add("p", scaling=Scaling(min_containers=2, window_s=10.0))
    world.run(until=1)
    assert alive(world) == 2
    world.submit("p", [Program(n, sleep=2.0) for n in range(6)])
    world.run(until=5)
    assert alive(world) == 6
    world.run(until=60)
    assert alive(world) == 2
    assert all(when >= 12 for when, command in world.commands if isinstance(command, Stop))


def test_the_buffer_is_extra_while_active() -> None:
    """`buffer_containers` come on top of what the demand needs, and go with it."""
    world = world_with()
    world.add("p", scaling=Scaling(buffer_containers=2, window_s=1.0))
    world.submit("p", [Program(1, sleep=5.0)])
    world.run(until=3)
    assert alive(world) == 3
    world.run(until=20)
    assert alive(world) == 0


def test_the_autoscaler_can_be_changed_live() -> None:
    """New limits hold from then on."""
    world = world_with()
    world.add("p", scaling=Scaling(max_containers=1))
    world.submit("p", [Program(n, sleep=5.0) for n in range(20)])
    world.run(until=2)
    assert alive(world) == 1
    scaling = Scaling(max_containers=3, window_s=1.0)
    world.send(AutoscalerUpdated("p", scaling))
    world.run(until=3)
    assert alive(world) == 3
    world.run(until=300)
    assert alive(world) == 0


def test_a_lowered_limit_holds_for_what_runs_already() -> None:
    """Idle containers above it leave at once, busy ones after what they run; nothing is lost."""
    world = world_with()
    world.add("p", scaling=Scaling(max_containers=3))
    world.submit("p", [Program(n, sleep=2.0) for n in range(12)])
    world.run(until=3)
    assert alive(world) == 3
    scaling = Scaling(max_containers=1)
    world.send(AutoscalerUpdated("p", scaling))
    world.run(until=8)
    assert alive(world) == 1
    world.run(until=60)
    assert alive(world) == 1


def test_concurrent_inputs_aim_at_the_target_and_burst_to_the_limit() -> None:
    """Scaling aims at `target_inputs`; a container takes up to `max_inputs` (conc.inputs)."""
    world = world_with(cpu=1)
    world.add("p", resources=Resources(cpu=0.5), max_inputs=10, target_inputs=5)
    world.submit("p", [Program(n, sleep=2.0) for n in range(40)])
    world.run(until=1)
    assert [len(box.running) for box in world.containers.values()] == [10, 10]
    world.run()


def test_few_inputs_are_spread_over_idle_containers() -> None:
    """No container hoards what another could run at the same time."""
    world = world_with()
    world.add("p", scaling=Scaling(min_containers=4, max_containers=4))
    world.submit("p", [Program(n, sleep=0.00001) for n in range(20000)])
    world.run()
    before = len(world.said(Dispatch))
    world.submit("p", [Program(n, sleep=0.01) for n in range(8)])
    assert [len(dispatch.inputs) for dispatch in world.said(Dispatch)[before:]] == [2, 2, 2, 2]
    world.run()


def test_many_are_sent_ahead_only_to_fast_functions() -> None:
    """The window grows with measured speed and stays at one for slow functions."""
    world = world_with(cpu=1)
    world.add("fast", scaling=Scaling(max_containers=1))
    world.add("slow", scaling=Scaling(max_containers=1))
    world.submit("fast", [Program(n, sleep=0.00002) for n in range(20000)])
    world.submit("slow", [Program(n, sleep=0.02) for n in range(100)])
    world.run()
    sizes: dict[str, list[int]] = {"fast": [], "slow": []}
    for dispatch in world.said(Dispatch):
        pool = "fast" if dispatch.inputs[0].call == "call1" else "slow"
        sizes[pool].append(len(dispatch.inputs))
    assert 200 <= max(sizes["fast"]) <= 512
    assert max(sizes["slow"]) == 1


def test_concurrent_calls_share_the_containers() -> None:
    """Neither of two maps over one function starves (map.fair)."""
    world = world_with()
    world.add("p", scaling=Scaling(max_containers=2))
    first = world.submit("p", [Program(n, sleep=0.01) for n in range(400)])
    second = world.submit("p", [Program(n, sleep=0.01) for n in range(100)])
    while second not in world.ended:
        world.run(until=world.now + 0.1)
    assert 80 <= len(world.results(first)) <= 140
    world.run()


def test_a_container_is_used_once_where_asked() -> None:
    """`single_use` containers run one input and leave."""
    world = world_with()
    world.add("p", single_use=True, scaling=Scaling(max_containers=3))
    call = world.submit("p", [Program(n) for n in range(10)])
    world.run()
    assert world.values(call) == list(range(10))
    assert len(world.said(Launch)) == 10
    assert {len(dispatch.inputs) for dispatch in world.said(Dispatch)} == {1}


def test_an_idle_pool_makes_room_for_another() -> None:
    """Warm containers of a function that nobody calls do not keep another from running."""
    world = world_with(cpu=2)
    world.add("a", resources=Resources(cpu=1.0))
    world.add("b", resources=Resources(cpu=2.0))
    world.submit("a", [Program(n, sleep=0.3) for n in range(4)])
    world.run()
    call = world.submit("b", [Program(1)])
    world.run()
    assert world.values(call) == [1]
    assert world.now < 5
    assert [notice.message for notice in world.said(Notice)] == ["waiting for 2 cpu: other containers hold it"]


def test_an_idle_pool_makes_room_on_a_host_that_others_fill() -> None:
    """Also where the engine itself counts enough room: other engines use the host, too."""
    world = world_with(cpu=8)
    world.add("a", resources=Resources(cpu=1.0), scaling=Scaling(window_s=100.0))
    world.add("b", resources=Resources(cpu=1.0))
    world.submit("a", [Program(n, sleep=0.3) for n in range(4)])
    world.run(until=2)
    before = alive(world, "a")
    world.launch_plan = lambda launch: "defer" if alive(world, "a") == before else None
    call = world.submit("b", [Program(1)])
    world.run(until=10)
    assert world.values(call) == [1]
    assert alive(world, "a") == before - 1


def test_a_busy_pool_does_not_starve_another() -> None:
    """A long map gives up a container for a call of another function, and both end."""
    world = world_with(cpu=2)
    world.add("a", resources=Resources(cpu=1.0))
    world.add("b", resources=Resources(cpu=1.0))
    long = world.submit("a", [Program(n, sleep=0.5) for n in range(60)])
    world.run(until=3)
    call = world.submit("b", [Program(1)])
    while call not in world.ended:
        world.run(until=world.now + 0.1)
    assert world.now < 6
    world.run()
    assert len(world.values(long)) == 60


@pytest.mark.parametrize(("cpu", "memory"), [(1.0, 128), (0.1, 1024)])
def test_two_busy_apps_share_what_there_is(cpu: float, memory: int) -> None:
    """Who comes second soon has as many containers as who was there, of cores or of memory, and both keep them."""
    world = world_with(cpu=8, memory=8192)
    for app in ("first", "second"):
        world.add(app, app=app, resources=Resources(cpu=cpu, memory=memory))
    long = world.submit("first", [Program(n, sleep=0.5) for n in range(200)])
    world.run(until=3)
    assert alive(world, "first") == 8
    short = world.submit("second", [Program(n, sleep=0.5) for n in range(50)])
    world.run(until=5)
    assert (alive(world, "first"), alive(world, "second")) == (4, 4)
    world.run(until=8)
    assert (alive(world, "first"), alive(world, "second")) == (4, 4)
    world.run()
    assert len(world.values(long)) + len(world.values(short)) == 250
    assert len(world.said(Launch)) <= 8 + 4 + 8


def test_a_container_that_is_larger_gets_its_turn_beside_smaller_ones() -> None:
    """Cores are gathered for it while others wait, so that small ones do not take each as it comes free."""
    world = world_with(cpu=8)
    world.add("small", resources=Resources(cpu=1.0))
    world.add("large", resources=Resources(cpu=4.0))
    world.submit("small", [Program(n, sleep=0.5) for n in range(200)])
    world.run(until=3)
    call = world.submit("large", [Program(n, sleep=0.5) for n in range(4)])
    while call in world.open_calls:
        world.run(until=world.now + 0.1)
    assert world.now < 7
    world.run()


def test_capacity_that_shrinks_fails_what_can_never_run_now() -> None:
    """Waiting inputs get to know that their machine has gone."""
    world = world_with(cpu=4)
    world.add("p", resources=Resources(cpu=4.0))
    world.launch_plan = lambda launch: "defer"
    call = world.submit("p", [Program(1)])
    world.send(CapacityKnown(ResourceTotals(cpu=2, memory=100)))
    assert world.results(call)[0][1].error == "ResourceExhaustedError"


# ---- GPUs ------------------------------------------------------------------------------------------------------------


def gpus(*choices: GpuChoice, cpu: float = 0.1) -> Resources:
    """A request for these choices."""
    return Resources(cpu=cpu, gpu=GpuRequest(choices))


def test_gpus_are_never_shared() -> None:
    """No more containers than devices, whatever the demand; the world checks the sums (gpu.request)."""
    world = world_with(gpus={"H100": 4})
    world.add("p", resources=gpus(GpuChoice("H100", 2)))
    call = world.submit("p", [Program(n, sleep=0.5) for n in range(10)])
    world.run()
    assert len(world.values(call)) == 10
    assert len(world.said(Launch)) == 2


def test_a_gpu_that_is_not_there_is_refused_with_what_is() -> None:
    """No choice fits: the message names what was asked and the inventory."""
    world = world_with(gpus={"A100": 2})
    world.add("p", resources=gpus(GpuChoice("H100"), GpuChoice("A100", 4)))
    call = world.submit("p", [Program(1)])
    status, failure = world.results(call)[0]
    assert status == ERROR
    assert "H100, A100:4" in failure.message
    assert "A100:2" in failure.message


def test_a_choice_that_can_never_fit_is_passed_over_at_once() -> None:
    """The list moves on without waiting."""
    world = world_with(gpus={"A100": 2})
    world.add("p", resources=gpus(GpuChoice("H100"), GpuChoice("A100")))
    world.submit("p", [Program(1)])
    world.run()
    assert world.said(Launch)[0].gpu == GpuChoice("A100")
    assert world.now < 1


def test_a_busy_choice_is_waited_for_before_the_next() -> None:
    """A preferred GPU that is merely busy gets `gpu_wait_s`; then the next choice is taken."""
    world = World(Engine(gpu_wait_s=3.0), totals=ResourceTotals(gpus={"H100": 1, "A100": 1}))
    world.add("holder", resources=gpus(GpuChoice("H100")))
    world.submit("holder", [Program(1, sleep=60.0)])
    world.run(until=1)
    world.add("p", resources=gpus(GpuChoice("H100"), GpuChoice("A100")))
    call = world.submit("p", [Program(1)])
    world.run(until=3.9)
    assert len(world.said(Launch)) == 1
    world.run(until=5)
    assert world.results(call)[0][0] == OK
    assert world.said(Launch)[1].gpu == GpuChoice("A100")


def test_any_takes_what_is_free() -> None:
    """A request for any GPU gets a kind that is free now."""
    world = world_with(gpus={"A100": 1, "H100": 1})
    world.add("p", resources=gpus(GpuChoice(None)))
    world.submit("p", [Program(n, sleep=2.0) for n in range(2)])
    world.run()
    assert {launch.gpu.kind for launch in world.said(Launch)} == {"A100", "H100"}


@pytest.mark.parametrize(
    ("asked", "there", "given"),
    [
        ("A100", {"A100-80GB": 1, "A100-40GB": 1}, ["A100-40GB", "A100-80GB"]),
        ("A100", {"A100-80GB": 2}, ["A100-80GB", "A100-80GB"]),
        ("A100-80GB", {"A100-80GB": 1, "A100-40GB": 1}, ["A100-80GB"]),
        ("H100", {"H200": 1, "H100": 1}, ["H100", "H200"]),
        ("H100!", {"H200": 1, "H100": 1}, ["H100"]),
        ("B200+", {"B300": 1}, ["B300"]),
        ("A10G", {"A10": 1}, ["A10"]),
        (None, {"T4": 1, "A100-80GB": 1}, ["T4", "A100-80GB"]),
    ],
)
def test_a_request_is_served_by_every_kind_that_is_as_good(asked, there, given) -> None:
    """As in Modal: the exact kind first, then what it may be upgraded to; "any" in the order of the inventory."""
    world = world_with(gpus=there)
    world.add("p", resources=gpus(GpuChoice(asked)))
    call = world.submit("p", [Program(n, sleep=2.0) for n in range(4)])
    world.run()
    assert len(world.values(call)) == 4
    assert [launch.gpu.kind for launch in world.said(Launch)] == given


@pytest.mark.parametrize(
    ("asked", "there"), [("A100-40GB", "A100-80GB"), ("H100!", "H200"), ("B200", "B300"), ("A100-80GB", "A100")]
)
def test_an_exact_request_is_not_served_by_another_kind(asked, there) -> None:
    """It is refused with what there is."""
    world = world_with(gpus={there: 8})
    world.add("p", resources=gpus(GpuChoice(asked)))
    status, failure = world.results(world.submit("p", [Program(1)]))[0]
    assert status == ERROR
    assert f"it asks for GPU {asked} and the GPUs here are: {there}:8" in failure.message


def test_a_gpu_that_another_engine_holds_is_tried_again() -> None:
    """The launch is deferred; the engine tries again, and the next choice after the wait."""
    world = World(Engine(gpu_wait_s=3.0), totals=ResourceTotals(gpus={"H100": 1, "A100": 1}))
    world.launch_plan = lambda launch: "defer" if launch.gpu.kind == "H100" else None
    world.add("p", resources=gpus(GpuChoice("H100"), GpuChoice("A100")))
    call = world.submit("p", [Program(1)])
    world.run()
    assert world.values(call) == [1]
    assert [launch.gpu.kind for launch in world.said(Launch)][-1] == "A100"
    assert 3 <= world.now < 4


def test_unknown_totals_never_refuse() -> None:
    """Where the backend does not know its totals, nothing is held back by them."""
    world = World(totals=ResourceTotals())
    world.add("p", resources=gpus(GpuChoice("B200", 8), cpu=64.0))
    call = world.submit("p", [Program(n, sleep=1.0) for n in range(5)])
    world.run()
    assert len(world.values(call)) == 5


@pytest.mark.parametrize("events", [[ContainerReady("c404")], [ResultsArrived("c1", [1, 2], [0, 0], [0, 0])]])
def test_word_of_unknown_containers_changes_nothing(events: list[object]) -> None:
    """What comes from a container that the engine does not have is refused or ignored."""
    engine = Engine()
    assert not [command for command in engine.receive(events, 0.0) if not isinstance(command, Notice)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "may"),
    [
        ({}, True),
        ({"scaling": Scaling(max_containers=2)}, True),
        ({"scaling": Scaling(max_containers=1)}, False),
        ({"scaling": Scaling(max_containers=1), "single_use": True}, True),
        ({"resources": Resources(cpu=2.5)}, False),
        ({"resources": Resources(memory=5000)}, False),
    ],
    ids=str,
)
def test_whether_a_pool_could_have_one_container_more(options: dict[str, object], may: bool) -> None:
    """Within its limit and what there is; one container for each input means that another one follows anyway."""
    world = world_with(cpu=4)
    world.add("p", **options)  # type: ignore[arg-type]
    world.submit("p", [Program(1, sleep=10.0)])
    world.run(until=1.0)
    assert alive(world) == 1
    assert world.engine.may_grow("p") is may
    assert not world.engine.may_grow("unknown")
