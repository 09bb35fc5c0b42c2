"""Retries, timeouts, lost containers, failing starts."""

from __future__ import annotations

from simulator import Program, World

from intermodal.engine.commands import Dispatch, Failure, Kill, Launch
from intermodal.engine.events import MethodPolicy
from intermodal.specs import Resources, ResourceTotals, RetryPolicy, Scaling
from intermodal.specs.status import ERROR, OK


def pool_with(retries: RetryPolicy | None = None, **options: object) -> World:
    """A world with a pool "p" with retries."""
    world = World(totals=ResourceTotals(cpu=4, memory=8192))
    world.add("p", methods={"": MethodPolicy(retries=retries)}, **options)
    return world


def test_a_failing_input_is_tried_again_after_its_delays() -> None:
    """`max_retries` more tries with the policy's delays, per input; then the last error is the result
    (retry.policy)."""
    policy = RetryPolicy(max_retries=2, backoff_coefficient=3.0, initial_delay=1.0)
    world = pool_with(policy, scaling=Scaling(min_containers=1))
    world.run(until=1)
    good = world.submit("p", [Program("good", sleep=0.0, fail=2)])
    world.run()
    assert world.values(good) == ["good"]
    assert [round(when - 1, 6) for when, command in world.commands if isinstance(command, Dispatch)] == [0, 1, 4]
    bad = world.submit("p", [Program("bad", fail=9)])
    world.run()
    assert world.results(bad)[0] == (ERROR, "error 3")


def test_without_a_policy_the_first_error_is_the_result() -> None:
    """No retries by default."""
    world = pool_with()
    call = world.submit("p", [Program(1, fail=1)])
    world.run()
    assert world.results(call)[0] == (ERROR, "error 1")


def test_a_timeout_ends_the_input_and_counts_from_its_own_start() -> None:
    """Waiting in the queue does not count, running does; the container is used again once it has answered
    (call.timeout)."""
    world = pool_with(timeout_s=2.0, scaling=Scaling(max_containers=1))
    call = world.submit(
        "p", [Program(n, sleep=1.5) for n in range(3)] + [Program(9, sleep=10.0), Program(5, sleep=1.5)]
    )
    world.run()
    results = world.results(call)
    assert [results[index][0] for index in range(5)] == [OK, OK, OK, ERROR, OK]
    assert results[3][1] == Failure("FunctionTimeoutError", "input 3 ran longer than its timeout of 2 s")
    assert world.said(Kill) == []


def test_a_timeout_of_what_cannot_be_interrupted_recycles_the_container() -> None:
    """After the grace period it is killed; the neighbours run again and nothing is charged to them."""
    world = pool_with(timeout_s=2.0, grace_s=1.0, max_inputs=3, scaling=Scaling(max_containers=1))
    world.run(until=1)
    call = world.submit("p", [Program(0, sleep=100.0, deaf=True)])
    world.run(until=2)
    rest = world.submit("p", [Program(n, sleep=1.9) for n in range(2)])
    world.run()
    assert world.results(call)[0][1].error == "FunctionTimeoutError"
    assert world.values(rest) == [0, 1]
    assert len(world.said(Kill)) == 1


def test_timeouts_consume_retries() -> None:
    """A timed-out try is tried again as an exception is."""
    world = pool_with(RetryPolicy(max_retries=1, initial_delay=0.0), timeout_s=1.0)
    call = world.submit("p", [Program(1, sleep=5.0)])
    world.run()
    assert world.results(call)[0][1].error == "FunctionTimeoutError"
    assert len(world.said(Dispatch)) == 2


def test_a_lost_container_is_not_charged_to_retries() -> None:
    """Its input runs again at once in another one (fault 1)."""
    world = pool_with()
    call = world.submit("p", [Program(1, crash=1)])
    world.run()
    assert world.values(call) == [1]


def test_a_poisonous_input_ends_and_others_progress() -> None:
    """An input that kills every container ends with a typed error after a bounded number; the others all succeed
    (fault 15)."""
    world = pool_with(scaling=Scaling(max_containers=1))
    call = world.submit("p", [Program(n, sleep=0.001) for n in range(500)] + [Program(-1, crash=99)])
    more = world.submit("p", [Program(n, sleep=0.001) for n in range(500)])
    world.run()
    assert world.results(call)[500][1].error == "ContainerLostError"
    assert all(world.results(call)[index][0] == OK for index in range(500))
    assert world.values(more) == list(range(500))
    assert world.ran[-1] == 3


def test_running_out_of_memory_is_its_own_error() -> None:
    """The message has what the launcher said about limit and peak (fault 13)."""
    world = pool_with()
    call = world.submit("p", [Program(1, sleep=100.0)])
    for _ in range(3):
        world.run(until=world.now + 2)
        next(iter(world.containers.values())).exit("out_of_memory", "limit 128 MiB, peak 130 MiB")
    world.run()
    failure = world.results(call)[0][1]
    assert failure.error == "OutOfMemoryError"
    assert "peak 130 MiB" in failure.message


def test_inputs_fail_with_the_error_of_a_broken_start_after_bounded_tries() -> None:
    """A failing enter is tried three times with back-off, then waiting inputs get its error (cls.enter-fails)."""
    world = pool_with()
    world.launch_plan = lambda launch: "fail"
    call = world.submit("p", [Program(1), Program(2)])
    world.run()
    assert world.results(call) == {0: (ERROR, "broken enter"), 1: (ERROR, "broken enter")}
    waves = {round(when, 3) for when, command in world.commands if isinstance(command, Launch)}
    assert len(waves) == 3


def test_a_start_that_cannot_work_fails_at_once() -> None:
    """A missing module is not tried again."""
    world = pool_with(scaling=Scaling(max_containers=1))
    world.launch_plan = lambda launch: "fatal"
    call = world.submit("p", [Program(1)])
    world.run()
    assert world.results(call)[0] == (ERROR, "broken enter")
    assert len(world.said(Launch)) == 1


def test_a_crash_on_import_ends_typed() -> None:
    """A container that dies before it is ready counts as a failed start (fault 15)."""
    world = pool_with()
    world.launch_plan = lambda launch: "die"
    call = world.submit("p", [Program(1)])
    world.run()
    assert world.results(call)[0][1].error == "ContainerStartError"


def test_one_good_start_after_a_bad_one_serves() -> None:
    """A start that fails now and then is nobody's error."""
    world = pool_with(scaling=Scaling(max_containers=1))
    plans = iter(["fail", "die", None])
    world.launch_plan = lambda launch: next(plans)
    call = world.submit("p", [Program(1)])
    world.run()
    assert world.values(call) == [1]


def test_a_start_that_hangs_runs_into_the_startup_timeout() -> None:
    """It is killed, and counts as a failed start."""
    world = pool_with(startup_timeout_s=5.0, scaling=Scaling(max_containers=1))
    world.launch_plan = lambda launch: "hang"
    call = world.submit("p", [Program(1)])
    world.run()
    assert world.results(call)[0][1].error == "ContainerStartError"
    assert "startup_timeout" in world.results(call)[0][1].message
    assert 15 <= world.now < 17


def test_a_full_host_is_waited_for() -> None:
    """A deferred launch is tried again with back-off, and said once."""
    world = pool_with(resources=Resources(cpu=1.0), scaling=Scaling(max_containers=1))
    plans = iter(["defer"] * 5 + [None])
    world.launch_plan = lambda launch: next(plans)
    call = world.submit("p", [Program(1)])
    world.run()
    assert world.values(call) == [1]
    assert 1.5 < world.now < 10
