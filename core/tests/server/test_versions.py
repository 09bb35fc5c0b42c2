"""The states of deployed versions, whatever happens in whatever order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from intermodal.server.versions import (
    OVER,
    AppStopped,
    Begun,
    Broken,
    Drained,
    Event,
    Ready,
    Restarted,
    State,
    changes,
    earlier,
)

NUMBERS = st.integers(1, 6)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Begun, number=NUMBERS),
    st.builds(Ready, number=NUMBERS),
    st.builds(Broken, number=NUMBERS),
    st.builds(Drained, number=NUMBERS),
    st.just(AppStopped()),
    st.just(Restarted()),
)


def step(states: dict[int, State], event: Event) -> dict[int, State]:
    """What the event makes of them. A version is begun once, with the next number."""
    if isinstance(event, Begun):
        event = Begun(max(states, default=0) + 1)
    return {**states, **changes(states, event)}


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=60))
def test_one_version_takes_calls(happened: list[Event]) -> None:
    """At most one is live, none that has failed ever is, and what is over stays over."""
    states: dict[int, State] = {}
    for event in happened:
        after = step(states, event)
        assert sum(state == "live" for state in after.values()) <= 1
        assert {number: state for number, state in after.items() if states.get(number) in OVER} == {
            number: state for number, state in states.items() if state in OVER
        }
        states = after


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=60))
def test_an_app_that_serves_goes_on_until_it_is_stopped(happened: list[Event]) -> None:
    """New versions, broken ones and restarts leave one live (deploy.rolling), and never an older one than before."""
    states: dict[int, State] = {}
    for event in happened:
        live = [number for number, state in states.items() if state == "live"]
        states = step(states, event)
        after = [number for number, state in states.items() if state == "live"]
        assert not live or isinstance(event, AppStopped) or after >= live


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=60))
def test_nothing_is_left_under_way(happened: list[Event]) -> None:
    """When each that is made got ready or broke, and each that drains has drained, all but the live one are over."""
    states: dict[int, State] = {}
    for event in happened:
        states = step(states, event)
    for number in sorted(states):
        states = step(states, Ready(number))
    for number in sorted(states):
        states = step(states, Drained(number))
    assert all(state in OVER or state == "live" for state in states.values())
    restarted = step(states, Restarted())
    assert restarted == states


def test_one_that_is_late_never_takes_over() -> None:
    """Version 2 took longer than version 3, which is live: 2 is stopped, and 3 goes on."""
    states: dict[int, State] = {1: "draining", 2: "deploying", 3: "live"}
    assert changes(states, Ready(2)) == {2: "stopped"}


def test_the_live_one_hands_over() -> None:
    """It drains, in the same moment in which the new one takes calls."""
    assert changes({1: "live", 2: "deploying"}, Ready(2)) == {1: "draining", 2: "live"}


def rolled_back(states: dict[int, State], copies: dict[int, int]) -> int | None:
    """Roll back once, and let the copy take over."""
    number = earlier(states, copies)
    if number is not None:
        copy = max(states) + 1
        copies[copy] = number
        for event in (Begun(copy), Ready(copy)):
            states.update(changes(states, event))
    return number


def test_one_rollback_after_another_goes_further_back() -> None:
    """Until nothing is left that has taken calls; what failed is passed over."""
    states: dict[int, State] = {1: "stopped", 2: "failed", 3: "stopped", 4: "live"}
    copies: dict[int, int] = {}
    assert [rolled_back(states, copies) for _ in range(3)] == [3, 1, None]


def test_a_newer_version_is_rolled_back_to_what_was_there_before_it() -> None:
    """Also where that was a copy; and a stopped app to what was live last."""
    states: dict[int, State] = {1: "stopped", 2: "stopped", 3: "stopped", 4: "live"}
    assert earlier(states, {3: 1}) == 3
    assert earlier({**states, 4: "stopped"}, {3: 1}) == 4
    assert earlier({1: "failed"}, {}) is None
