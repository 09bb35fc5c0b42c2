"""Limits of containers, with control groups and without: an ordinary user mostly has none."""

from __future__ import annotations

import os
from collections.abc import Iterator

import app_limits as m
import pytest

from intermodal_local.runtime import cgroups, syscalls


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    with m.app.run():
        yield


def test_a_cpu_limit() -> None:
    """A group's quota leaves all cores; without a group it is so many whole cores. Others keep all."""
    everything = len(os.sched_getaffinity(0))
    assert m.half_a_core.remote() == ((everything, everything) if cgroups.limits("cpu") else (1, 1))
    assert m.unlimited.remote() == everything


@pytest.mark.skipif(not syscalls.available(), reason="no filter for this machine")
def test_system_calls_are_filtered() -> None:
    """By default, for root and for ordinary users."""
    assert m.system_calls.remote() == "2"
