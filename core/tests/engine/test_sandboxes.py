"""A sandbox's life in virtual time: room, timeouts, and which of several ends is told (sandbox.end)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intermodal.engine import Engine
from intermodal.engine.commands import AskForRoom, Command, KillProcess, KillSandbox, Notice, SandboxEnded, StartSandbox
from intermodal.engine.events import (
    CapacityKnown,
    Event,
    SandboxCreated,
    SandboxDeferred,
    SandboxGone,
    SandboxProcessEnded,
    SandboxProcessStarted,
    SandboxProgramEnded,
    SandboxStarted,
    SandboxTerminated,
)
from intermodal.specs import Resources, ResourceTotals

ONE_CORE = Resources(cpu=1.0, memory=100)


class World:
    """An engine of one core, and its time."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.now = 0.0
        self.tell(CapacityKnown(ResourceTotals(cpu=1.0, memory=1000)))

    def tell(self, *happened: Event) -> list[Command]:
        """What it asks for, notices apart."""
        return [each for each in self.engine.receive(list(happened), self.now) if not isinstance(each, Notice)]

    def start(self, sandbox: str = "a", **options: Any) -> None:
        """Create one that runs."""
        created = SandboxCreated(sandbox, options.pop("resources", ONE_CORE), options.pop("timeout_s", 10.0), **options)
        assert self.tell(created) == [StartSandbox(sandbox)]
        assert self.tell(SandboxStarted(sandbox)) == []

    def at(self, when: float) -> list[Command]:
        """What it asks for as time passes until then."""
        found: list[Command] = []
        while (deadline := self.engine.next_deadline()) is not None and deadline <= when:
            self.now = max(self.now, deadline)
            found += self.tell()
        self.now = when
        return found + self.tell()


def test_its_time_counts_from_its_start() -> None:
    """Not from the moment that it was asked for."""
    world = World()
    world.tell(SandboxCreated("a", ONE_CORE, 10.0))
    world.at(100.0)
    world.tell(SandboxStarted("a"))
    assert world.at(109.9) == []
    assert world.at(110.1) == [KillSandbox("a")]
    assert world.tell(SandboxGone("a", "killed", 137)) == [SandboxEnded("a", "timeout", 124)]


def test_it_ends_with_its_program() -> None:
    """And has its exit code, whatever the kill that follows gives."""
    world = World()
    world.start()
    assert world.tell(SandboxProgramEnded("a", 3)) == [KillSandbox("a")]
    assert world.tell(SandboxGone("a", "killed", 137)) == [SandboxEnded("a", "exited", 3)]


def test_the_first_reason_for_its_end_is_told() -> None:
    """A program that ends while the sandbox is being terminated changes nothing; nor does a second terminate."""
    world = World()
    world.start()
    assert world.tell(SandboxTerminated("a")) == [KillSandbox("a")]
    assert world.tell(SandboxProgramEnded("a", 0), SandboxTerminated("a")) == []
    assert world.tell(SandboxGone("a", "killed", 137)) == [SandboxEnded("a", "terminated", 137)]
    assert world.tell(SandboxTerminated("a")) == []


def test_one_that_nobody_ended_is_lost_unless_it_ran_out_of_memory() -> None:
    """The exit says which."""
    world = World()
    world.start()
    assert world.tell(SandboxGone("a", "lost", None, "why")) == [SandboxEnded("a", "lost", 137, "why")]
    world.start("b")
    words = "limit 64 MiB"
    assert world.tell(SandboxGone("b", "out_of_memory", 137, words)) == [SandboxEnded("b", "out_of_memory", 137, words)]


def test_a_process_has_a_limit_of_its_own() -> None:
    """The sandbox goes on."""
    world = World()
    world.start()
    world.tell(
        SandboxProcessStarted("a", "1", 2.0), SandboxProcessStarted("a", "2", 3.0), SandboxProcessStarted("a", "3")
    )
    world.tell(SandboxProcessEnded("a", "2"))
    assert world.at(9.0) == [KillProcess("a", "1")]


def test_it_may_end_when_nothing_runs_in_it() -> None:
    """`idle_timeout` counts from the end of the last process."""
    world = World()
    world.start(timeout_s=100.0, idle_timeout_s=5.0)
    assert world.at(4.0) == []
    world.tell(SandboxProcessStarted("a", "1"))
    assert world.at(20.0) == []
    world.tell(SandboxProcessEnded("a", "1"))
    assert world.at(24.9) == []
    assert world.at(25.1) == [KillSandbox("a")]


def test_it_waits_for_room_in_order() -> None:
    """cpu and memory are never given twice (scale.resources)."""
    world = World()
    world.start("a")
    assert world.tell(SandboxCreated("b", ONE_CORE, 10.0), SandboxCreated("c", ONE_CORE, 10.0)) == []
    world.tell(SandboxTerminated("a"))
    gone = world.tell(SandboxGone("a", "killed"))
    assert gone == [SandboxEnded("a", "terminated", 137), StartSandbox("b")]
    assert world.tell(SandboxTerminated("c")) == [SandboxEnded("c", "terminated", 137)]


def test_one_that_never_fits_ends_at_once() -> None:
    """With what there is."""
    (ended,) = World().tell(SandboxCreated("a", Resources(cpu=2.0), 10.0))
    assert isinstance(ended, SandboxEnded)
    assert ended.cause == "start_failed"
    assert "2 cpu cores and there are 1" in ended.detail


def test_a_host_without_room_is_asked_again() -> None:
    """After a pause that grows; and others on it for room."""
    world = World()
    world.tell(SandboxCreated("a", ONE_CORE, 10.0))
    assert world.tell(SandboxDeferred("a", "busy")) == [AskForRoom(ONE_CORE)]
    assert world.at(1.0) == [StartSandbox("a")]


@pytest.mark.parametrize("late", [SandboxStarted("a"), SandboxDeferred("a", "busy"), SandboxGone("a", "killed")])
def test_a_start_that_is_called_off_ends_whatever_it_answers(late: Event) -> None:
    """The driver cancels it; what it says then may come from before."""
    world = World()
    world.tell(SandboxCreated("a", ONE_CORE, 10.0))
    assert world.tell(SandboxTerminated("a")) == [KillSandbox("a")]
    world.tell(late)
    world.tell(SandboxGone("a", "killed"))
    world.start("b")  # its core is free


NAMES = st.sampled_from("abc")
EVENTS = st.one_of(
    st.builds(SandboxCreated, NAMES, st.just(ONE_CORE), st.just(5.0), st.sampled_from([None, 1.0])),
    st.builds(SandboxStarted, NAMES),
    st.builds(SandboxDeferred, NAMES, st.just("busy")),
    st.builds(SandboxProgramEnded, NAMES, st.just(0)),
    st.builds(SandboxProcessStarted, NAMES, st.sampled_from("12"), st.sampled_from([None, 0.5])),
    st.builds(SandboxProcessEnded, NAMES, st.sampled_from("12")),
    st.builds(SandboxTerminated, NAMES),
    st.builds(SandboxGone, NAMES, st.sampled_from(["exited", "killed", "lost"])),
)


@given(st.lists(st.tuples(EVENTS, st.sampled_from([0.0, 0.3, 2.0]))))
def test_any_order_of_events_ends_each_one_once_and_gives_its_room_back(happened: list[tuple[Event, float]]) -> None:
    """Late, double and impossible events included."""
    world = World()
    alive: set[str] = set()
    found: list[Command] = []
    for event, pause in happened:
        if isinstance(event, SandboxCreated):
            if event.sandbox in alive:
                continue
            alive.add(event.sandbox)
        found = world.tell(event) + world.at(world.now + pause)
        for ended in (each for each in found if isinstance(each, SandboxEnded)):
            assert ended.sandbox in alive
            alive.remove(ended.sandbox)
    for name in list(alive):
        for ended in world.tell(SandboxTerminated(name), SandboxGone(name, "killed")):
            if isinstance(ended, SandboxEnded):
                alive.remove(ended.sandbox)
    assert not alive
    world.start("last")
