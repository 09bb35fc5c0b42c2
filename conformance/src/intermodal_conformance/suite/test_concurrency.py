"""conc.*"""

from __future__ import annotations

from itertools import pairwise

from intermodal_conformance.apps import scaling
from intermodal_conformance.marks import requirement
from intermodal_conformance.target import Target


@requirement("conc.single")
def test_one_input_at_a_time_in_a_container(target: Target) -> None:
    """No two spans of one container overlap."""
    for function in (scaling.span, scaling.span_of_two):
        spans = sorted(function.map([0.05] * 12))
        containers = {container for container, _, _ in spans}
        for name in containers:
            own = sorted((began, ended) for container, began, ended in spans if container == name)
            assert all(ended <= began for (_, ended), (began, _) in pairwise(own))


@requirement("conc.inputs")
def test_coroutines_run_together_up_to_the_limit(target: Target) -> None:
    """Five wait for each other, and a sixth is never among them."""
    found = list(scaling.meet.map(range(23)))
    assert len({container for container, _, _ in found}) == 1
    assert max(most for _, most, _ in found) == 5


@requirement("conc.inputs")
def test_sync_functions_run_together_on_threads(target: Target) -> None:
    """Four at once, on threads of their own, never five."""
    found = list(scaling.meet_on_threads.map(range(18)))
    assert max(most for _, most, _ in found) == 4
    assert len({thread for _, _, thread in found}) > 1
