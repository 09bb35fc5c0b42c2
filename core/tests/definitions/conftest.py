"""Definitions of images made into specs, as an app that starts does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

import intermodal
from intermodal.definitions.files import Blobs
from intermodal.definitions.lowering import lower
from intermodal.specs import CopyFiles, ImageSpec


@dataclass
class Lowered:
    """The spec and what came with it."""

    spec: ImageSpec
    blobs: Blobs
    secrets: dict[str, dict[str, str]]

    def files(self, number: int = -1) -> dict[str, bytes]:
        """The files of a copying step, by their path inside."""
        copies = [step for step in self.spec.steps if isinstance(step, CopyFiles)]
        step = copies[number]
        found = {}
        for entry in (entry for entry in step.tree.entries if entry.kind == "file"):
            data = self.blobs[entry.blob]
            assert isinstance(data, bytes)
            found[f"{step.target}/{entry.path}".rstrip("/")] = data
        return found


def _lowered(image: intermodal.Image) -> Lowered:
    """What a session of an app with this image gets."""
    app = intermodal.App("images")
    app.function(image=image, name="f", serialized=True, include_source=False)(lambda: None)
    result = lower(app)
    (function,) = result.app.functions
    return Lowered(function.image, result.blobs, result.build_secrets)


@pytest.fixture
def lowered() -> Callable[[intermodal.Image], Lowered]:
    """Makes the spec of an image."""
    return _lowered
