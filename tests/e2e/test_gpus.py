"""gpu.request on declared devices: allotted exactly, shared by nobody, refused with what there is."""

from __future__ import annotations

from itertools import pairwise

import app_gpus as m
import pytest

import intermodal
from intermodal.exception import ResourceExhaustedError


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with two A100-80GB and a T4."""
    monkeypatch.setenv("INTERMODAL_LOCAL_GPUS", "A100-80GB:2,T4")
    monkeypatch.setenv("INTERMODAL_GPU_WAIT_S", "1")


def overlap(results: list[m.Held]) -> bool:
    """Whether one device was held twice at a time."""
    spans = sorted((name, began, ended) for _, names, began, ended in results for name in names.split(","))
    return any(a[0] == b[0] and b[1] < a[2] for a, b in pairwise(spans))


def test_a_general_name_gets_a_device_of_either_size() -> None:
    """One device each, never one twice; a function without `gpu=` gets none."""
    with m.app.run():
        results = list(m.general.map([0.3] * 4))
        assert {kind for kind, _, _, _ in results} == {"A100-80GB"}
        assert {names for _, names, _, _ in results} <= {"0", "1"}
        assert not overlap(results)
        assert m.visible_without.remote() is None


def test_counts_lists_and_any() -> None:
    """A count gets so many; a list passes over what is not there; any takes the first that is free."""
    with m.app.run():
        assert m.pair.remote(0)[:2] == ("A100-80GB", "0,1")
        assert m.listed.remote(0)[:2] == ("T4", "2")
        assert m.whatever.remote(0)[0] in {"A100-80GB", "T4"}


def test_two_programs_do_not_share_a_device() -> None:
    """Two engines on one data directory at once, as two `intermodal run` are."""
    other = intermodal.App("gpus-of-another")
    theirs = other.function(gpu="A100-80GB", name="theirs", serialized=True, scaledown_window=2)(m.devices)
    with m.app.run():
        ours = [m.general.spawn(0.5) for _ in range(3)]
        with other.run():
            results = list(theirs.map([0.5] * 3))
        results += [call.get(timeout=60) for call in ours]
    assert len(results) == 6
    assert not overlap(results)


def test_what_can_never_fit_is_refused_with_what_there_is() -> None:
    """At once, naming the request and the inventory."""
    with m.app.run(), pytest.raises(ResourceExhaustedError, match=r"B200:8, A100:5 .* A100-80GB:2, T4:1"):
        m.impossible.remote(0)
