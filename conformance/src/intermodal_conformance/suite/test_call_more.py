"""call.timeout, call.spawn, call.nested, call.context"""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import Callable

import pytest

import intermodal
from intermodal.exception import (
    Error,
    FunctionTimeoutError,
    InputCancelledError,
    OutputExpiredError,
)
from intermodal.plugins import PluginHost
from intermodal.specs import ResourceTotals
from intermodal_conformance.apps import calls
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target, opened


@requirement("call.timeout")
@pytest.mark.parametrize("function", [calls.too_long, calls.too_long_async], ids=["sync", "async"])
def test_an_input_ends_at_its_limit(target: Target, function: intermodal.Function[..., str]) -> None:
    """With an error that is ours and not the builtin; not before the limit; and the function still works."""
    function.remote(0)
    began = time.monotonic()
    with pytest.raises(FunctionTimeoutError):
        function.remote(60)
    assert 0.9 <= time.monotonic() - began < 50
    assert issubclass(FunctionTimeoutError, intermodal.exception.TimeoutError)
    assert not issubclass(FunctionTimeoutError, TimeoutError)
    assert function.remote(0) == "done"


@requirement("call.timeout")
def test_the_clock_starts_when_the_input_starts_to_run(target: Target) -> None:
    """Waiting for others does not count: five times 0.8 s is more than the limit of 3 s. Nor does starting up."""
    waiting = [calls.one_by_one.spawn(0.8) for _ in range(5)]
    assert calls.SlowStart().answer.remote() == 42
    assert intermodal.gather(*waiting) == [0.8] * 5


@requirement("call.spawn")
def test_a_spawned_call_is_found_by_its_id(target: Target) -> None:
    """Its value can be had more than once, by any handle."""
    call = calls.echo.spawn(8)
    assert intermodal.FunctionCall.from_id(call.object_id).get(timeout=60) == 8
    assert call.get() == 8
    assert pickle.loads(pickle.dumps(call)).get() == 8
    assert calls.relay_spawn.remote(9)[1] == 9


@requirement("call.spawn")
def test_a_pending_call_has_no_value_yet(target: Target) -> None:
    """`get(timeout=0)` raises the builtin `TimeoutError`, and the call goes on."""
    with intermodal.Queue.ephemeral() as box:
        call = calls.wait_for.spawn(box)
        for timeout in (0, 0.1):
            with pytest.raises(TimeoutError) as caught:
                call.get(timeout=timeout)
            assert not isinstance(caught.value, Error)
        box.put("word")
        assert call.get(timeout=60) == "word"
    assert issubclass(OutputExpiredError, intermodal.exception.TimeoutError)


@requirement("call.spawn")
def test_several_calls_are_gathered_in_order(target: Target) -> None:
    """Their values, or the first failure in that order."""
    assert intermodal.gather(*(calls.echo.spawn(x) for x in range(5))) == list(range(5))
    with pytest.raises(ValueError, match="b"):
        intermodal.gather(calls.echo.spawn(1), calls.fail.spawn("ValueError", "b"), calls.fail.spawn("KeyError", "c"))
    assert calls.echo.spawn_map(range(4)).get_all(timeout=60) == list(range(4))


@requirement("call.spawn")
def test_a_cancelled_call_ends_for_its_caller(target: Target) -> None:
    """And cancelling again, or too late, is no error."""
    with intermodal.Queue.ephemeral() as box:
        call = calls.wait_for.spawn(box)
        call.cancel()
        with pytest.raises(InputCancelledError):
            call.get(timeout=60)
        call.cancel()
    done = calls.echo.spawn(1)
    assert done.get(timeout=60) == 1
    done.cancel()
    assert done.get() == 1


@requirement("call.spawn")
def test_the_call_graph_shows_who_called_whom(target: Target) -> None:
    """A tree of calls with their functions."""
    call = calls.relay_spawn.spawn(1)
    inner, _ = call.get(timeout=60)
    assert inner in str(call.get_call_graph())


@requirement("call.spawn")
def test_blocking_calls_have_async_twins(target: Target) -> None:
    """At `.aio`, on the caller's loop."""

    async def twins() -> None:
        assert await calls.echo.remote.aio(4) == 4
        call = await calls.echo.spawn.aio(5)
        assert await call.get.aio() == 5
        assert await intermodal.gather.aio(call, call) == [5, 5]
        assert [x async for x in calls.echo.map.aio(range(3))] == [0, 1, 2]
        assert [x async for x in calls.count.remote_gen.aio(3)] == [0, 1, 2]

    asyncio.run(twins())


@requirement("call.nested")
@pytest.mark.parametrize(
    ("run", "value"),
    [
        (lambda: calls.total.remote(50), 1225),
        (lambda: calls.factorial.remote(10), 3628800),
        (lambda: calls.fibonacci.remote(6), 8),
        (lambda: calls.relay_gen.remote(100), list(range(100))),
        (lambda: calls.relay_async.remote([1, 2, 3]), [1, 2, 3]),
        (lambda: calls.relay.remote(calls.echo, "x"), "x"),
        (lambda: list(calls.total.map([5] * 8)), [10] * 8),
    ],
    ids=["map", "recursion", "one container", "generator", "async", "handle", "many"],
)
def test_functions_call_functions(target: Target, run: Callable[[], object], value: object) -> None:
    """To any depth, also where there is one container only: who waits is parked."""
    assert run() == value


@requirement("call.nested")
def test_a_nested_failure_keeps_its_type(target: Target) -> None:
    """Through two containers."""
    with pytest.raises(KeyError, match="deep"):
        calls.relay.remote(calls.relay, calls.fail, "KeyError", "deep")


@requirement("call.nested")
def test_a_nested_call_that_its_callers_keep_from_starting_fails(target: Target) -> None:
    """At once, in an error that names them: memory stays with a parked container."""
    with opened() as host:
        memory = asyncio.run(_totals(host)).memory
    if memory is None:
        return
    most = calls.relay.with_options(memory=int(memory * 0.7))
    with pytest.raises(Error, match="relay") as caught:
        most.remote(calls.echo.with_options(memory=int(memory * 0.7)), 1)
    assert "echo" in str(caught.value)


async def _totals(host: PluginHost) -> ResourceTotals:
    try:
        return await host.launcher().totals()
    finally:
        await host.close_roles()


@requirement("call.context")
def test_an_input_knows_what_it_is_part_of(target: Target) -> None:
    """Its call, itself, its attempt; the ids of a map's inputs differ, their call is one."""
    call = calls.where.spawn()
    found = call.get(timeout=60)
    assert found["call"] == call.object_id
    assert found["attempt"] == 1
    assert found["local"] is False
    many = list(calls.where.starmap([()] * 3))
    assert len({each["input"] for each in many}) == 3
    assert len({each["call"] for each in many}) == 1
    assert len({calls.where.remote()["call"] for _ in range(3)}) == 3
    here = calls.where.local()
    assert (here["local"], here["call"], here["input"], here["attempt"]) == (True, None, None, None)
