"""What `gpu=` accepts (gpu.request)."""

from __future__ import annotations

import pytest

from intermodal.definitions.gpu import parse_gpu
from intermodal.exception import InvalidError
from intermodal.specs import GpuChoice


@pytest.mark.parametrize(
    ("gpu", "choices"),
    [
        ("h100", [GpuChoice("H100")]),
        ("A100-80gb:4", [GpuChoice("A100-80GB", 4)]),
        (" any:2 ", [GpuChoice(None, 2)]),
        ("H100!:8", [GpuChoice("H100!", 8)]),
        ("b200+", [GpuChoice("B200+")]),
        (["H100", "A100:2", "any"], [GpuChoice("H100"), GpuChoice("A100", 2), GpuChoice(None)]),
    ],
)
def test_names_counts_and_lists(gpu: object, choices: list[GpuChoice]) -> None:
    """Case does not matter; a list keeps its order."""
    request = parse_gpu(gpu)
    assert request is not None
    assert list(request.choices) == choices


@pytest.mark.parametrize(
    ("gpu", "said"),
    [
        ("H1000", r"no GPU named 'H1000'; did you mean 'H100'\? known are any, .*A100-80GB.*T4"),
        ("H100:0", "asks for 0 devices: a count is at least 1"),
        ("H100:many", "write NAME or NAME:COUNT"),
        ([], "a name such as"),
        (4, "a name such as"),
    ],
)
def test_anything_else_is_refused_with_what_is_known(gpu: object, said: str) -> None:
    """At definition, not when a container is wanted."""
    with pytest.raises(InvalidError, match=said):
        parse_gpu(gpu)
