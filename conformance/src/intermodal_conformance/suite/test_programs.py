"""Programs, run on the model and on the backend: the same trace and the same full final state, of those allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from intermodal_conformance.marks import requirement
from intermodal_conformance.model import Program, outcomes
from intermodal_conformance.programs import FAMILIES, QUOTAS, SHARES, corpus, kinds_of, programs, run
from intermodal_conformance.recorder import Recorder
from intermodal_conformance.target import Target, check_alive


def check(program: Program) -> None:
    """Raises `AssertionError` with the program, for the corpus, where the backend does what is not allowed."""
    allowed, found = outcomes(program), run(program)
    if found not in allowed:
        check_alive()
        raise AssertionError(
            f"the program {json.dumps(program)} ended as {found}; allowed: {' or '.join(sorted(allowed)[:4])}"
        )


PINNED = [pytest.param(program, id=name, marks=requirement(FAMILIES[program["family"]])) for name, program in corpus()]


@pytest.mark.parametrize("program", PINNED)
def test_a_pinned_program(target: Target, recorder: Recorder, program: Any) -> None:
    """From the corpus."""
    recorder.example(kinds_of(program))
    check(program)


@pytest.mark.parametrize("family", [pytest.param(family, marks=requirement(name)) for family, name in FAMILIES.items()])
def test_random_programs(target: Target, recorder: Recorder, family: str) -> None:
    """As many as the profile says, of which enough must be of the kinds that matter."""
    recorder.require(QUOTAS[family])
    examples = round(target.profile.examples * SHARES.get(family, 1.0))

    @settings(max_examples=examples)
    @given(programs(family, target.profile.operations))
    def every(program: Program) -> None:
        recorder.example(kinds_of(program))
        check(program)

    every()
