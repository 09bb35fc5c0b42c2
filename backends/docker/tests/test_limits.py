"""What an engine cannot limit is refused by name."""

from __future__ import annotations

import pytest

from intermodal.exception import CapabilityNotSupported
from intermodal_docker.capabilities import capabilities
from intermodal_docker.engine import EngineInfo
from intermodal_docker.limits import engine_cpus, engine_memory

ABLE = EngineInfo(version="1", cpus=4.0, memory=4096, limits=frozenset({"cpu", "memory", "pids"}))
ROOTLESS = EngineInfo(version="1", cpus=4.0, memory=4096, limits=frozenset({"memory", "pids"}), rootless=True)


def test_an_engine_without_a_limit_does_not_claim_it() -> None:
    """Neither for containers nor for steps of images; the note says what it takes."""
    stated = capabilities(remote=False, limits=ROOTLESS.limits)
    assert not {"limits.cpu", "image.cpu"} & stated.supported
    assert {"limits.memory", "image.memory", "limits.pids"} <= stated.supported
    assert "cgroup v2" in stated.notes["limits.cpu"]
    assert stated.notes["image.cpu"] == stated.notes["limits.cpu"]


def test_all_limits_are_claimed_where_the_engine_has_them() -> None:
    """And where nobody knows yet."""
    assert capabilities(remote=False, limits=ABLE.limits) == capabilities(remote=False)
    assert {"limits.cpu", "limits.memory", "limits.pids"} <= capabilities(remote=True).supported


def test_an_engine_that_would_ignore_a_limit_is_not_asked_for_it() -> None:
    """Also where it is on another machine, and its capabilities were stated before it was asked."""
    with pytest.raises(CapabilityNotSupported, match=r"limits\.cpu.*cgroup v2"):
        engine_cpus(0.5, ROOTLESS)
    with pytest.raises(CapabilityNotSupported, match=r"image\.cpu"):
        engine_cpus(0.5, ROOTLESS, "image.cpu")
    assert engine_cpus(None, ROOTLESS) is None
    assert engine_memory(128, ROOTLESS) == 128


def test_limits_are_what_engines_take() -> None:
    """Neither more cores than there are, nor memory in which nothing starts."""
    assert engine_cpus(64.0, ABLE) == 4.0
    assert engine_cpus(0.0001, ABLE) == 0.01
    assert engine_memory(1, ABLE) == 6
    assert engine_memory(None, ABLE) is None
