"""What a build says of its steps, in the same words and numbers on every backend.

Public to authors of backends, as a name of `intermodal.plugins.building`.
"""

from __future__ import annotations

from collections.abc import Sequence

from intermodal.exception import ImageBuildError
from intermodal.plugins.image_layers import Layer
from intermodal.plugins.roles import BuildSink

__all__ = ["Progress"]


class Progress:
    """The progress of one build.

    Args:
        layers: all of the image: each has its number, and the base's is 1.
        sink: hears of them.
    """

    def __init__(self, layers: Sequence[Layer], sink: BuildSink) -> None:
        self._total, self._sink = len(layers), sink

    def begin(self, layer: Layer, *, cached: bool) -> None:
        """`layer` is made now, or is there."""
        self._sink.step(layer.number, self._total, layer.title, cached=cached)

    def output(self, layer: Layer, line: str) -> None:
        """A line that `layer` printed."""
        self._sink.output(layer.number, line)

    def failed(self, layer: Layer, reason: object) -> ImageBuildError:
        """The error to raise: which step it was, and `reason`, its last output included."""
        return ImageBuildError(f"step {layer.number} of {self._total} ({layer.title}) failed: {reason}")
