"""A batch waits fifteen times as long for more inputs as it may."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from intermodal.engine.batching import Batcher
from intermodal.specs import BatchPolicy
from mutants.planting import instead_of


@instead_of("__init__", Batcher)
def init(original: Callable[..., None], batcher: Batcher, policy: BatchPolicy) -> None:
    original(batcher, replace(policy, wait_s=15 * policy.wait_s))
