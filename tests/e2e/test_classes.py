"""cls.*, conc.*, batch.* through the public API."""

from __future__ import annotations

from collections.abc import Iterator

import app_classes as m
import pytest

from intermodal.exception import InvalidError


@pytest.fixture(scope="module")
def running() -> Iterator[None]:
    with m.app.run():
        yield


pytestmark = pytest.mark.usefixtures("running")


def test_enters_run_base_first_once_per_container() -> None:
    """cls.lifecycle."""
    name, size, log, pid = m.Model().describe.remote()
    assert (name, size) == ("plain", 1)
    assert log == ["base_enter", "load", "load_async"]
    assert m.Model().describe.remote()[3] == pid


def test_parameters_have_a_pool_of_their_own() -> None:
    """cls.parameters."""
    one = m.Model(name="one", size=3).describe.remote()
    two = m.Model(name="two").describe.remote()
    assert one[:2] == ("one", 3)
    assert two[:2] == ("two", 1)
    assert m.Model(name="x").double.remote(4) == 8
    assert list(m.Model().double.map([1, 2])) == [2, 4]
    with pytest.raises((InvalidError, TypeError)):
        m.Model(size="not a number")


def test_local_runs_enter() -> None:
    """cls.parameters: `.local()` runs enter."""
    here = m.Model(name="here")
    assert here.describe.local()[:3] == ("here", 1, ["base_enter", "load", "load_async"])


def test_a_failing_enter_reaches_the_caller() -> None:
    """cls.enter-fails."""
    with pytest.raises(RuntimeError, match="weights are missing"):
        m.BrokenEnter().predict.remote()


def test_concurrent_coroutines_share_a_container() -> None:
    """conc.inputs: never more than max_inputs."""
    most = max(m.meet.map(range(20)))
    assert 2 <= most <= 5


def test_concurrent_sync_functions_run_on_threads() -> None:
    """conc.inputs."""
    assert len(set(m.thread_of.map(range(8)))) > 1


def test_batches_form_and_each_caller_gets_its_own() -> None:
    """batch.form."""
    values = list(m.batch_double.map(range(10)))
    assert [v for v, _ in values] == [2 * i for i in range(10)]
    assert max(n for _, n in values) > 1
    assert max(n for _, n in values) <= 4


def test_a_wrong_batch_length_fails_every_input_of_it() -> None:
    """batch.errors."""
    errors = list(m.batch_short.map(range(4), return_exceptions=True))
    assert all(isinstance(e, Exception) for e in errors)
    assert "list" in str(errors[0])


def test_a_memory_snapshot_runs_snap_once_and_reseeds() -> None:
    """cls.lifecycle: snap enters come first; randomness differs between forks."""
    order, after, _ = m.Snapped().look.remote()
    assert order == ["snap", "enter"]
    assert 0 <= after < 1
