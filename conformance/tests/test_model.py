"""The reference model and the random programs, without any backend."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from intermodal_conformance.manifest import load_manifest
from intermodal_conformance.model import outcomes
from intermodal_conformance.programs import FAMILIES, QUOTAS, SHARES, corpus, kinds_of, programs
from intermodal_conformance.recorder import Recorder

FAMILY = st.sampled_from(sorted(FAMILIES))


def program(*ops: object) -> dict[str, object]:
    """A program of no family in particular."""
    return {"family": "calls", "ops": json.loads(json.dumps(ops))}


@settings(deadline=None)
@given(FAMILY.flatmap(lambda family: programs(family, 12)))
def test_every_program_has_an_outcome_and_survives_json(made: dict[str, object]) -> None:
    """The same ones after a way through a file; one only where nothing is concurrent."""
    found = outcomes(made)
    assert found
    assert outcomes(json.loads(json.dumps(made))) == found
    if "races" not in kinds_of(made) and made["family"] != "failing-map":
        assert len(found) == 1


def test_what_happened_before_a_failure_stays() -> None:
    """The state counts, not only what the caller sees."""
    (found,) = outcomes(program(["remote", ["seq", [["set", "a", 1], ["raise", "Broken", 2], ["set", "a", 3]]]]))
    assert json.loads(found) == [[["error", "Broken", 2]], [[["a", 1]], []]]


def test_a_race_may_go_in_any_order_and_in_no_other_way() -> None:
    """Of two who claim a key one has it."""
    found = {
        json.dumps(json.loads(each)[0]) for each in outcomes(program(["race", [["claim", "a", 1], ["claim", "a", 2]]]))
    }
    assert found == {'[[["ok", true], ["ok", false]]]', '[[["ok", false], ["ok", true]]]'}


def test_any_failure_of_a_map_may_be_the_first_to_arrive() -> None:
    """And all inputs run to their end."""
    inputs = [["seq", [["set", str(n), n], ["raise", "Broken", n]]] for n in range(3)]
    found = [json.loads(each) for each in outcomes(program(["map", inputs, {"ordered": True, "exceptions": False}]))]
    assert sorted(trace for (trace,), _ in found) == [["error", "Broken", n] for n in range(3)]
    assert all(state[0] == [["0", 0], ["1", 1], ["2", 2]] for _, state in found)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("number", range(4))
def test_the_quotas_are_met_from_any_seed(family: str, number: int) -> None:
    """So a run from another seed is not vacuous by chance."""
    recorder = Recorder()
    recorder.require(QUOTAS[family])

    examples = round(30 * SHARES.get(family, 1.0))

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(programs(family, 12))
    def collect(made: dict[str, object]) -> None:
        recorder.example(kinds_of(made))

    collect()
    assert recorder.missed() == []


def test_the_corpus_is_of_known_families_and_each_family_has_one() -> None:
    """A pinned program that no test runs would pin nothing."""
    families = {made["family"] for _, made in corpus()}
    assert families == set(FAMILIES)
    assert set(FAMILIES.values()) <= set(load_manifest().requirements)
