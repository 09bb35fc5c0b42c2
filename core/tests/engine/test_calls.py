"""Calls: results, idempotent submission, cancelling, clients that leave."""

from __future__ import annotations

from simulator import Program, World

from intermodal.engine.commands import CancelAttempts, Deliver, Dispatch, Failure, Kill, Notice
from intermodal.engine.events import (
    CallCancelled,
    CallSubmitted,
    ClientLeft,
    InputsAdded,
    InputsCancelled,
    InputsReturned,
    MethodPolicy,
    PoolFailed,
    ResultsArrived,
    StopRequested,
)
from intermodal.specs import Resources, ResourceTotals, RetryPolicy, Scaling
from intermodal.specs.status import CANCELLED, ERROR, OK


def one_pool(**options: object) -> World:
    """A world with a pool "p"."""
    world = World(totals=ResourceTotals(cpu=4, memory=8192))
    world.add("p", **options)
    return world


def test_results_come_back_by_index() -> None:
    """Each input's value is delivered under its own index, and the call ends once."""
    world = one_pool()
    call = world.submit("p", [Program(n) for n in range(100)])
    world.run()
    assert world.values(call) == list(range(100))
    assert world.engine.counters.succeeded == 100


def test_an_empty_call_ends() -> None:
    """A map over nothing is over at once."""
    world = one_pool()
    world.submit("p", [])
    world.run()
    assert world.said(Dispatch) == []


def test_inputs_may_come_in_parts() -> None:
    """Indices go on where the last part ended; the call ends when the closing part is done."""
    world = one_pool()
    call = world.submit("p", [Program(0)], closed=False)
    world.run(until=1)
    world.send(InputsAdded(call, [Program(1), Program(2)], False))
    world.run(until=2)
    assert call not in world.ended
    world.send(InputsAdded(call, [], True))
    world.run()
    assert world.values(call) == [0, 1, 2]


def test_the_same_key_is_the_same_call() -> None:
    """A second submission with a known key changes nothing, also after the call has ended (fault 6)."""
    world = one_pool()
    call = world.submit("p", [Program(1)], key="k")
    world.send(CallSubmitted("other", "p", "me", [Program(1)], True, key="k"))
    world.run()
    world.send(CallSubmitted("other", "p", "me", [Program(1)], True, key="k"))
    assert world.engine.call_of_key("k") == call
    assert world.engine.counters.accepted == 1


def test_late_and_duplicate_results_are_refused() -> None:
    """The first valid result counts; others are counted as fenced and reported (fault 7)."""
    world = one_pool()
    call = world.submit("p", [Program(1, sleep=5.0)])
    world.run(until=1)
    (dispatch,) = world.said(Dispatch)
    result = ResultsArrived(dispatch.container, [dispatch.inputs[0].attempt], [OK], ["first"])
    world.send(result)
    world.send(result)
    world.send(ResultsArrived("c999", [7], [OK], ["stranger"]))
    assert world.values(call) == ["first"]
    assert world.engine.counters.fenced == 2
    assert any("refused" in notice.message for notice in world.said(Notice))


def test_cancelling_a_running_input_interrupts_it() -> None:
    """The caller hears at once; the container is told and stays in use."""
    world = one_pool(scaling=Scaling(max_containers=1))
    call = world.submit("p", [Program(1, sleep=60.0)])
    world.run(until=1)
    world.send(CallCancelled(call))
    assert world.results(call)[0] == (CANCELLED, Failure("InputCancelledError", "the call was cancelled"))
    after = world.submit("p", [Program(2)])
    world.run()
    assert world.values(after) == [2]
    assert world.said(Kill) == []
    assert len(world.said(CancelAttempts)) == 1


def test_an_input_that_cannot_be_interrupted_loses_its_container() -> None:
    """What ignores its cancellation is killed after the grace period; nothing is dispatched there meanwhile (fault
    18)."""
    world = one_pool(scaling=Scaling(max_containers=1), grace_s=3.0)
    call = world.submit("p", [Program(1, sleep=1000.0, deaf=True)])
    world.run(until=1)
    world.send(CallCancelled(call))
    after = world.submit("p", [Program(2)])
    world.run()
    ((when, _),) = [entry for entry in world.commands if isinstance(entry[1], Kill)]
    assert when == 4.0
    assert world.values(after) == [2]


def test_cancelling_a_concurrent_sync_input_recycles_its_container() -> None:
    """Its neighbours are rescheduled and consume no retries (conc.cancel)."""
    world = one_pool(max_inputs=4, methods={"": MethodPolicy(is_async=False)}, scaling=Scaling(max_containers=1))
    call = world.submit("p", [Program(n, sleep=5.0) for n in range(4)])
    world.run(until=1)
    world.send(InputsCancelled(call, [2]))
    world.run()
    assert [status for _, (status, _) in sorted(world.results(call).items())] == [OK, OK, CANCELLED, OK]
    assert len(world.said(Kill)) == 1


def test_cancelling_a_concurrent_async_input_leaves_its_neighbours_alone() -> None:
    """Only that task is cancelled (conc.cancel)."""
    world = one_pool(max_inputs=4, methods={"": MethodPolicy(is_async=True)}, scaling=Scaling(max_containers=1))
    call = world.submit("p", [Program(n, sleep=5.0) for n in range(4)])
    world.run(until=1)
    world.send(InputsCancelled(call, [2]))
    world.run()
    assert [status for _, (status, _) in sorted(world.results(call).items())] == [OK, OK, CANCELLED, OK]
    assert world.said(Kill) == []
    assert world.now < 7


def test_a_client_that_leaves_takes_its_calls_along() -> None:
    """Its calls are cancelled and nothing is delivered for them; a detached one goes on."""
    world = one_pool()
    lost = world.submit("p", [Program(n, sleep=2.0) for n in range(20)], client="gone")
    kept = world.submit("p", [Program(n, sleep=2.0) for n in range(3)], client="gone", detached=True)
    world.run(until=1)
    before = len([deliver for deliver in world.said(Deliver) if deliver.call == lost])
    world.send(ClientLeft("gone"))
    world.run()
    assert len([deliver for deliver in world.said(Deliver) if deliver.call == lost]) == before
    assert world.values(kept) == [0, 1, 2]
    assert world.engine.counters.cancelled >= 15


def test_what_can_never_fit_is_refused_at_once_with_the_reason() -> None:
    """The inputs fail with what was asked and what there is (scale.resources)."""
    world = one_pool(resources=Resources(memory=999_999))
    call = world.submit("p", [Program(1)])
    status, failure = world.results(call)[0]
    assert status == ERROR
    assert failure.error == "ResourceExhaustedError"
    assert "999999 MiB" in failure.message
    assert "8192 MiB" in failure.message


def test_a_pool_that_can_never_start_fails_waiting_and_later_inputs() -> None:
    """An image that does not build is every input's error."""
    world = one_pool()
    first = world.submit("p", [Program(1)])
    world.send(PoolFailed("p", "no such package"))
    second = world.submit("p", [Program(1)])
    assert world.results(first)[0] == world.results(second)[0] == (ERROR, "no such package")


def test_a_call_for_an_unknown_pool_fails() -> None:
    """It does not wait for ever."""
    world = one_pool()
    call = world.submit("nowhere", [Program(1)])
    assert world.results(call)[0][1].error == "NotFoundError"


def test_stopping_cancels_what_waits_and_lets_what_runs_finish() -> None:
    """Running inputs have the grace period; then every container leaves (cls.exit-grace)."""
    world = one_pool(scaling=Scaling(max_containers=1), grace_s=5.0)
    call = world.submit("p", [Program("runs", sleep=2.0), Program("waits")])
    world.run(until=1)
    world.send(StopRequested())
    assert not world.engine.stopped
    world.run()
    results = world.results(call)
    assert results[0] == (OK, "runs")
    assert results[1][0] == CANCELLED
    assert world.engine.stopped
    assert world.said(Kill) == []
    late = world.submit("p", [Program(1)])
    assert world.results(late)[0][0] == CANCELLED


def test_a_container_that_does_not_leave_is_killed() -> None:
    """Stopping is bounded by the grace period and some slack."""
    world = one_pool(grace_s=1.0, timeout_s=1000.0)
    call = world.submit("p", [Program(1, sleep=500.0)])
    world.run(until=1)
    world.send(StopRequested())
    world.run(until=10)
    assert world.engine.stopped
    assert world.results(call)[0][0] == CANCELLED


def test_inputs_given_back_run_elsewhere_without_counting_a_try() -> None:
    """What was sent ahead behind a slow input goes to another container as its first try."""
    world = one_pool(scaling=Scaling(max_containers=2))
    warm = world.submit("p", [Program(n, sleep=0.0001) for n in range(2000)])
    world.run()
    assert len(world.values(warm)) == 2000
    call = world.submit("p", [Program(0, sleep=3.0), *(Program(n, sleep=0.0001) for n in range(1, 100))])
    world.run(until=world.now + 1)
    assert len(world.results(call)) == 99
    world.run()
    assert {item.tries for dispatch in world.said(Dispatch) for item in dispatch.inputs} == {1}


def test_inputs_given_back_while_stopping_are_cancelled() -> None:
    """A stopping container returns what it had not started; nobody runs it any more."""
    world = one_pool(methods={"": MethodPolicy(retries=RetryPolicy(max_retries=3))})
    call = world.submit("p", [Program(1, sleep=1.0)])
    world.run(until=0.5)
    (dispatch,) = world.said(Dispatch)
    world.send(StopRequested())
    world.send(InputsReturned(dispatch.container, [dispatch.inputs[0].attempt]))
    assert world.results(call)[0][0] == CANCELLED


def test_an_input_after_cancelled_ones_keeps_its_own_index() -> None:
    """Also where a container is idle and it could go at once: what was cancelled before it stays cancelled."""
    world = one_pool(scaling=Scaling(max_containers=1))
    call = world.submit("p", [Program(0, sleep=1.0), Program(1)], closed=False)
    world.run(until=0.5)
    world.send(InputsCancelled(call, [1]))
    world.run(until=2)
    world.send(InputsAdded(call, [Program(2)], True))
    world.run()
    assert [world.results(call)[index][0] for index in range(3)] == [OK, CANCELLED, OK]
    assert world.results(call)[2] == (OK, 2)


def test_a_call_that_is_cancelled_in_the_turn_that_brings_it_is_not_sent_out() -> None:
    """The driver reads what it is to send after the turn: nothing in it may have ended by then."""
    world = one_pool(scaling=Scaling(min_containers=1))
    world.run(until=1)
    world.open_calls["call"] = None
    world.send(CallSubmitted("call", "p", "me", [Program(1)], True), CallCancelled("call"))
    world.run()
    assert world.results("call")[0][0] == CANCELLED
    assert world.said(Dispatch) == []
