"""call.*, map.*, gen.*, retry.* through the public API."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import app_basics as m
import pytest

import intermodal as modal
from intermodal.exception import (
    DeserializationError,
    ExecutionError,
    FunctionTimeoutError,
    InvalidError,
    SerializationError,
)


@pytest.fixture(scope="module")
def running() -> Iterator[None]:
    with m.app.run():
        yield


pytestmark = pytest.mark.usefixtures("running")


def test_remote_gives_what_local_gives() -> None:
    """call.identity: same value here and there."""
    assert m.double.remote(21) == m.double.local(21) == 42
    assert m.add.remote(1, y=2, z=3) == 6


def test_a_remote_exception_keeps_its_type_and_shows_the_remote_traceback() -> None:
    """call.errors: the original type and attributes; the remote frames are readable."""
    with pytest.raises(m.Broken) as caught:
        m.fail.remote(7)
    assert caught.value.code == 7
    assert "raise Broken(code)" in str(caught.value.__cause__)


def test_system_exit_returns_as_itself() -> None:
    """call.errors: `SystemExit` included."""
    with pytest.raises(SystemExit) as caught:
        m.leave.remote(3)
    assert caught.value.code == 3
    assert m.double.remote(1) == 2


def test_an_unpicklable_result_is_a_typed_error() -> None:
    """call.identity: naming what it was."""
    with pytest.raises(SerializationError, match="generator"):
        m.unpicklable.remote()


def test_an_unpicklable_argument_is_refused_here() -> None:
    """call.identity: before anything is sent."""
    with pytest.raises(SerializationError, match="generator"):
        m.double.remote(x for x in range(3))


def test_a_missing_module_names_the_image_method() -> None:
    """image.environment: the message says what to add."""
    with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
        m.missing_module.remote()


def test_map_keeps_order_and_yields_every_value() -> None:
    """map.order."""
    assert list(m.double.map(range(1000))) == [2 * i for i in range(1000)]
    assert sorted(m.double.map(range(100), order_outputs=False)) == [2 * i for i in range(100)]
    assert list(m.add.map([1, 2, 3], [10, 20], kwargs={"z": 100})) == [111, 122]
    assert list(m.add.starmap([(1, 2), (3, 4, 5)])) == [3, 12]
    assert list(m.double.map([])) == []


def test_map_reads_an_endless_generator_with_bounded_look_ahead() -> None:
    """map.lazy."""
    taken = []

    def endless() -> Iterator[int]:
        i = 0
        while True:
            taken.append(i)
            yield i
            i += 1

    stream = m.double.map(endless())
    assert taken == []
    assert [next(stream) for _ in range(50)] == [2 * i for i in range(50)]
    stream.close()
    assert len(taken) < 50_000


def test_map_raises_the_first_failure_and_can_return_them() -> None:
    """map.errors."""
    with pytest.raises(ValueError):
        list(m.fail_if_odd.map(range(10)))
    values = list(m.fail_if_odd.map(range(4), return_exceptions=True))
    assert values[0] == 0
    assert values[2] == 2
    assert [type(v) for v in values[1::2]] == [ValueError, ValueError]


def test_an_error_of_the_callers_iterator_reaches_the_caller() -> None:
    """map.input-iterator."""

    def inputs() -> Iterator[int]:
        yield 1
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        list(m.double.map(inputs()))


def test_sync_map_inside_a_running_loop_names_the_async_one() -> None:
    """map.input-iterator."""

    async def inside() -> None:
        list(m.double.map([1]))

    with pytest.raises(InvalidError, match=r"map\.aio"):
        asyncio.run(inside())


def test_async_twins_do_the_same() -> None:
    """Every blocking call has an `.aio` twin."""

    async def inside() -> None:
        assert await m.double.remote.aio(4) == 8
        assert [v async for v in m.double.map.aio(range(5))] == [0, 2, 4, 6, 8]
        assert [v async for v in m.count.remote_gen.aio(4)] == [0, 1, 2, 3]
        call = await m.double.spawn.aio(5)
        assert await call.get.aio() == 10
        both = await asyncio.gather(m.double_async.remote.aio(1), m.double_async.remote.aio(2))
        assert both == [2, 4]

    asyncio.run(inside())


def test_a_generator_streams_and_fails_after_its_items() -> None:
    """gen.stream."""
    assert list(m.count.remote_gen(300)) == list(range(300))
    stream = m.count_then_fail.remote_gen(5)
    assert [next(stream) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(m.Broken):
        next(stream)
    with pytest.raises(InvalidError, match="remote_gen"):
        m.count.remote(3)


def test_spawn_returns_a_call_that_can_be_found_by_id() -> None:
    """call.spawn."""
    call = m.double.spawn(8)
    assert modal.FunctionCall.from_id(call.object_id).get() == 16
    assert call.get(timeout=5) == 16
    slow = m.sleep.spawn(30)
    with pytest.raises(TimeoutError):
        slow.get(timeout=0)
    slow.cancel()
    with pytest.raises(modal.exception.InputCancelledError):
        slow.get(timeout=10)
    assert modal.gather(m.double.spawn(1), m.double.spawn(2)) == [2, 4]
    assert m.double.spawn_map(range(3)).get_all() == [0, 2, 4]


def test_a_cancelled_get_takes_nothing() -> None:
    """queue.*: what a reader that was cancelled waited for is there for the next one."""

    async def inside() -> None:
        with modal.Queue.ephemeral() as line:
            reader = asyncio.create_task(line.get.aio())
            assert await line.len.aio() == 0  # answered after the reader's request was taken up
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)
            await line.put.aio("here")
            assert await line.get.aio(timeout=10) == "here"

    asyncio.run(inside())


def test_a_timeout_ends_the_input_and_is_not_the_builtin() -> None:
    """call.timeout."""
    with pytest.raises(FunctionTimeoutError):
        m.sleep_long.remote(60)
    assert m.sleep_long.remote(0) == "woke"
    assert not issubclass(FunctionTimeoutError, TimeoutError)


def test_context_inside_a_container() -> None:
    """call.context, image.defaults."""
    found = m.where.remote()
    assert not found["local"]
    assert modal.is_local()
    assert found["input"].startswith("in-")
    assert found["call"].startswith("fc-")
    assert found["cwd"] == found["home"] == "/root"
    assert "app_basics.py" in found["root"]
    assert ".ssh" not in found["root"]


def test_nested_calls_to_any_depth() -> None:
    """call.nested."""
    assert m.total.remote(100) == 9900
    assert m.factorial.remote(8) == 40320
    assert m.spawner.remote(4) == 8
    assert m.read_generator.remote(200) == list(range(200))


def test_recursion_with_one_container_does_not_deadlock() -> None:
    """call.nested: a container whose inputs all wait is parked."""
    assert m.fib.remote(5) == 5


def test_large_values_travel() -> None:
    """16: large arguments and results."""
    assert m.length.remote(b"x" * (40 << 20)) == 40 << 20
    value = {"a": [b"y" * 300_000, "text"], "b": bytearray(b"z" * 200_000)}
    assert m.echo.remote(value) == value


def test_a_container_killed_under_an_input_is_replaced_a_bounded_number_of_times() -> None:
    """retry.poison."""
    with pytest.raises(modal.exception.ContainerLostError):
        m.kill_self.remote()
    assert m.double.remote(3) == 6


def test_retries_run_again_until_it_succeeds() -> None:
    """retry.policy."""
    with modal.Dict.ephemeral() as box:
        assert m.fails_twice.remote(box, "k") == 3


def test_an_exception_that_cannot_be_rebuilt_becomes_an_execution_error() -> None:
    """call.errors: an exception that holds a lock cannot travel; what it said can."""
    with pytest.raises(ExecutionError, match=r"Broken.*broken 9"):
        m.raise_unpicklable.remote()


def test_an_argument_that_cannot_be_unpickled_fails_that_input_only() -> None:
    """call.errors: with what its unpickling said."""
    with pytest.raises(DeserializationError, match="only here"):
        m.echo.remote(m.Undecodable())
    assert m.echo.remote(1) == 1
