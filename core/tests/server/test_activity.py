"""What a server remembers of its sessions for a while."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.plugins import (
    CallFinished,
    CallProgress,
    CallStarted,
    Config,
    ContainerExited,
    ContainerStarted,
    InputFailed,
)
from intermodal.server.activity import Activity, AppSeen, Cell, Cells, SessionActivity
from intermodal.server.activity.cells import quantile

OF = {"app": "shop", "function": "sell"}
SHOP = ("main", "shop")


def begun(activity: Activity, *calls: str, at: float = 100.0) -> SessionActivity:
    """A session in which calls were accepted."""
    session = SessionActivity(activity, "main")
    session.intermodal_call_started([CallStarted(call=call, at=at, **OF) for call in calls])
    return session


def seen(activity: Activity) -> AppSeen:
    """What is known of the shop."""
    return activity.read(SHOP, lambda app: app)


def test_a_call_is_seen_from_its_beginning_to_its_end() -> None:
    """With what its inputs raised."""
    activity = Activity()
    session = begun(activity, "fc-1", "fc-2")
    session.intermodal_call_progress([CallProgress(call="fc-1", done=3, failed=1, running=2, total=9, **OF)])
    found = activity.find("fc-1")
    assert found is not None
    of, call = found
    assert (of, call.state, call.succeeded, call.running, call.total) == (SHOP, "failed", 2, 2, 9)
    failure = InputFailed(call="fc-1", at=101.0, input=4, error="ValueError", message="sold out", **OF)
    session.intermodal_input_failed([failure])
    session.intermodal_call_finished([CallFinished(call="fc-1", at=102.0, succeeded=8, failed=1, **OF)])
    assert (call.state, call.ended, call.succeeded, call.running) == ("failed", 102.0, 8, 0)
    assert call.failures == [failure]
    session.intermodal_call_finished([CallFinished(call="fc-2", at=103.0, succeeded=1, **OF)])
    assert [each.state for each in seen(activity).calls()] == ["succeeded", "failed"]
    total = seen(activity).minutes.total(103.0)
    assert (total.calls, total.succeeded, total.failed) == (2, 9, 1)
    assert [call.id for _, call in activity.recent("main")] == ["fc-2", "fc-1"]
    assert activity.recent("other") == []


def test_what_is_kept_is_bounded_and_failed_calls_are_kept_longer() -> None:
    """Ten thousand calls leave a few hundred."""
    activity = Activity()
    session = begun(activity, "failed")
    session.intermodal_call_finished([CallFinished(call="failed", at=101.0, succeeded=0, failed=1, **OF)])
    for number in range(10_000):
        call = f"fc-{number}"
        session.intermodal_call_started([CallStarted(call=call, at=102.0, **OF)])
        session.intermodal_call_finished([CallFinished(call=call, at=103.0, succeeded=1, **OF)])
    assert len(seen(activity).calls()) == 501
    assert len(activity.recent("main")) == 2000
    assert activity.find("failed") is not None
    assert activity.find("fc-0") is None
    assert seen(activity).minutes.total(103.0).calls == 10_001
    assert seen(activity).function("sell").running == 0
    for number in range(3000):
        SessionActivity(activity, "main").intermodal_call_started(
            [CallStarted(call=f"other-{number}", app=f"app-{number}", function="f", at=104.0)]
        )
    assert len(activity.known("main")) == 2000


def test_what_runs_when_its_session_ends_has_ended() -> None:
    """Nobody tells of it any more."""
    activity = Activity()
    session = begun(activity, "fc-1")
    session.intermodal_container_started([ContainerStarted(container="c-1", at=100.0, gpu="H100", **OF)])
    assert [(app, container.gpu) for app, container in activity.containers("main")] == [("shop", "H100")]
    session.intermodal_unconfigure(Config.load(environ={}))
    assert activity.containers("main") == []
    assert [call.state for call in seen(activity).calls()] == ["cancelled"]
    assert seen(activity).function("sell").running == 0


def test_a_container_that_is_gone_says_why() -> None:
    """Also one that never took inputs."""
    activity = Activity()
    session = begun(activity)
    session.intermodal_container_started([ContainerStarted(container="c-1", at=100.0, start_s=0.2, **OF)])
    for container in ("c-1", "c-2"):
        session.intermodal_container_exited(
            [ContainerExited(container=container, at=101.0, cause="out_of_memory", detail="128 MiB", **OF)]
        )
    gone = [(each.id, each.start_s, each.cause, each.detail) for each in seen(activity).gone]
    assert gone == [("c-1", 0.2, "out_of_memory", "128 MiB"), ("c-2", 0.0, "out_of_memory", "128 MiB")]


def test_an_end_that_was_not_seen_to_begin_counts_for_nothing() -> None:
    """Its duration is not known."""
    activity = Activity()
    begun(activity).intermodal_call_finished([CallFinished(call="fc-9", at=1.0, succeeded=1, **OF)])
    assert seen(activity).calls() == []
    assert seen(activity).minutes.total(1.0).calls == 0


@given(st.lists(st.floats(1e-6, 1e5), min_size=1, max_size=60), st.floats(0.01, 1.0))
def test_a_quantile_is_that_of_the_durations_to_a_twentieth(spans: list[float], part: float) -> None:
    """Whatever they are."""
    cell = Cell()
    for span in spans:
        cell.ended(span, 1, 0)
    exact = sorted(spans)[max(0, -(-int(part * len(spans) * 1e9) // 10**9) - 1)]
    found = quantile(cell.bins, part)
    assert found is not None
    near = [span for span in sorted(spans) if found == pytest.approx(span, rel=0.06)]
    assert near, (found, exact)


def test_without_durations_there_is_no_quantile() -> None:
    """Not zero."""
    assert quantile(Counter(), 0.5) is None


@given(st.lists(st.floats(0.0, 10_000.0), max_size=50), st.floats(0.0, 20_000.0))
def test_cells_have_what_was_counted_in_their_time(moments: list[float], now: float) -> None:
    """When they come in order; later parts push old ones out."""
    cells = Cells(15.0, 10)
    for moment in sorted(moments):
        cells.at(moment).ended(1.0, 1, 0)
    counted = [cell.calls for cell in cells.last(now)]
    first = now // 15 - 9
    wanted = [sum(1 for moment in moments if moment // 15 == first + place) for place in range(10)]
    newest = max((moment // 15 for moment in moments), default=0.0)
    if newest <= now // 15:
        assert counted == wanted
    assert len(counted) == 10
