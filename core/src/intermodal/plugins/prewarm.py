"""An optional part of the launch role: containers that stand ready, started, until a launch takes them."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from intermodal.plugins.roles import BuiltImage
from intermodal.specs import ContainerSpec

__all__ = ["Prewarmed", "Prewarmer"]


class Prewarmed(Protocol):
    """A container that stands ready."""

    @property
    def over(self) -> bool:
        """True where it is not there to be taken any more: a launch has it, or it has ended."""
        ...

    async def dismiss(self) -> None:
        """Remove it, unless a launch has it; returns when nothing of it is left. Idempotent."""
        ...


@runtime_checkable
class Prewarmer(Protocol):
    """What a launcher has besides, if it can start containers ahead. Core decides when, and how many."""

    async def prewarm(self, spec: ContainerSpec, image: BuiltImage) -> Prewarmed:
        """Start a container as for `spec`, as far as that goes without a boot frame; returns when it stands ready.

        `launch` takes it in place of a new one where it differs in nothing from what would be started but in `spec.id`.
        The launch's id holds then; only the host name may stay that of the one that stood ready. What it has printed
        goes to the launch's sink. One that has ended is passed over, and nobody hears of that. It has no GPUs.
        Cancelling this coroutine leaves nothing behind. Raises what `launch` raises.
        """
        ...
