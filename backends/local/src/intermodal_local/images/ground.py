"""What images stand on: the kind of isolation decides what a layer is and how a step makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from intermodal.plugins import Blobs, BuildGrants, GpuLease
from intermodal.specs import ImageStep
from intermodal_local.images.keys import BaseIdentity
from intermodal_local.images.layering import Making
from intermodal_local.images.run import Lifeline

__all__ = ["Ground", "StepContext"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepContext:
    """One step about to be made into a layer.

    Args:
        below: the layers so far, top-most first.
        env, workdir, user: the image's, so far.
        sources: of images that the step takes something from, their bases and their layers, top-most first.
        grants: has the values of the step's secrets.
        gpus: its devices, held by whoever makes it.
        output: gets each line the step prints.
    """

    below: Sequence[Path]
    env: Mapping[str, str]
    workdir: str
    user: str
    sources: Sequence[tuple[Ground, Sequence[Path]]]
    blobs: Blobs
    grants: BuildGrants
    gpus: GpuLease | None
    making: Making
    output: Callable[[str], None]
    lifeline: Lifeline


class Ground(Protocol):
    """One base of images under one kind of isolation."""

    @property
    def identity(self) -> BaseIdentity: ...

    @property
    def python(self) -> str:
        """The version of the interpreter inside: "3.11.2"."""
        ...

    @property
    def foundation(self) -> str | None:
        """The title of a layer that lies below the first step's; None where the base itself is enough."""
        ...

    def refuse(self, step: ImageStep) -> None:
        """Raise `CapabilityNotSupported` where `step` cannot be made here."""
        ...

    def found(self, context: StepContext) -> None:
        """Make the foundation."""
        ...

    def make(self, step: ImageStep, context: StepContext) -> None:
        """Make the layer of `step`. Raises `StepFailed` or `OSError`."""
        ...

    def ref(self, layers: Sequence[Path]) -> str:
        """What launchers get to know of an image of these layers, top-most first."""
        ...
