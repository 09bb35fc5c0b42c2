"""scale.*"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

import intermodal
from intermodal.exception import ResourceExhaustedError
from intermodal.plugins import ContainerExited, ContainerStarted, Notice
from intermodal.specs import ResourceTotals
from intermodal_conformance.apps import scaling
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target, opened


def most_at_once(spans: Iterable[scaling.Span]) -> int:
    """How many containers were busy at one moment."""
    edges = [edge for _, began, ended in spans for edge in ((began, 1), (ended, -1))]
    inside = most = 0
    for _, step in sorted(edges):
        inside += step
        most = max(most, inside)
    return most


def live(target: Target, function: str) -> set[str]:
    """The containers of a function that have started and not gone."""
    started = {each.container for each in target.witness.of(ContainerStarted, lambda each: each.function == function)}
    return started - {each.container for each in target.witness.of(ContainerExited)}


@requirement("scale.limits")
def test_never_more_containers_than_the_limit(target: Target) -> None:
    """Two, whatever waits; and where there is no limit more than one are used."""
    spans = list(scaling.span_of_two.map([1.0] * 6))  # so slow that more containers would help
    assert most_at_once(spans) == 2
    assert len({container for container, _, _ in spans}) <= 2
    assert len(live(target, "span_of_two")) <= 2
    assert most_at_once(scaling.span.map([0.5] * 8)) > 1


@requirement("scale.limits")
def test_an_idle_container_stays_for_its_window_and_then_leaves(target: Target) -> None:
    """The next input finds it; a while later none is left."""
    one, _, _ = scaling.scaled.remote(0)
    assert scaling.scaled.remote(0)[0] == one
    scaling.brief.remote(0)
    target.witness.wait_for(ContainerExited, lambda each: each.function == "brief", timeout=60)
    assert live(target, "brief") == set()


@requirement("scale.limits")
def test_buffer_containers_are_ready_beside_the_busy_ones(target: Target) -> None:
    """While an input runs a second container starts, and both leave in the end."""
    with intermodal.Queue.ephemeral() as box:
        call = scaling.buffered.spawn(box)
        target.witness.wait_for(ContainerStarted, lambda each: each.function == "buffered", count=2, timeout=60)
        box.put("on")
        call.get(timeout=60)
    target.witness.wait_for(ContainerExited, lambda each: each.function == "buffered", count=2, timeout=60)


@requirement("scale.limits")
def test_the_limits_change_live(target: Target) -> None:
    """More containers are kept, then fewer are used, then all leave."""
    scaling.scaled.update_autoscaler(min_containers=2)
    target.witness.wait_for(ContainerStarted, lambda each: each.function == "scaled", count=2, timeout=60)
    scaling.scaled.update_autoscaler(min_containers=0, max_containers=1)
    list(scaling.scaled.map([0.0] * 3))
    assert most_at_once(scaling.scaled.map([0.1] * 5)) == 1
    scaling.scaled.update_autoscaler(scaledown_window=0)
    target.witness.wait_for(ContainerExited, lambda each: each.function == "scaled", count=2, timeout=60)


async def ask_totals() -> ResourceTotals:
    """What the backend has in all."""
    with opened() as host:
        try:
            return await host.launcher().totals()
        finally:
            await host.close_roles()


@requirement("scale.resources")
def test_what_can_never_fit_is_refused_at_once_with_the_reason(target: Target) -> None:
    """Cpu and memory."""
    totals = asyncio.run(ask_totals())
    if totals.cpu is not None:
        with pytest.raises(ResourceExhaustedError, match="cpu"):
            scaling.big.with_options(cpu=totals.cpu + 1).remote(0)
    if totals.memory is not None:
        with pytest.raises(ResourceExhaustedError, match="memory"):
            scaling.big.with_options(memory=totals.memory + 1024).remote(0)
    assert scaling.big.remote(0)


@requirement("scale.resources")
def test_what_does_not_fit_now_waits_and_says_so(target: Target) -> None:
    """Two containers that ask for most of the cpu never run at once, though both run."""
    totals = asyncio.run(ask_totals())
    if totals.cpu is None:
        return
    most = round(totals.cpu * 0.7, 2)
    first = scaling.big.with_options(cpu=most, scaledown_window=0, env={"WHICH": "first"})
    second = scaling.big.with_options(cpu=most, scaledown_window=0, env={"WHICH": "second"})
    calls = [first.spawn(1.0), second.spawn(0.0)]
    spans = intermodal.gather(*calls)
    assert most_at_once(spans) == 1
    target.witness.wait_for(Notice, lambda notice: notice.function == "big" and "cpu" in notice.message)
