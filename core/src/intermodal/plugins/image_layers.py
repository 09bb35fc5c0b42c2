"""The layers of an image: which steps make one, in which order, under which number and key (image.immutable).

Public to authors of backends, as names of `intermodal.plugins.building`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace

from intermodal.plugins.steps import base_title, step_title
from intermodal.specs import (
    DebianSlim,
    ImageBase,
    ImageSpec,
    ImageStep,
    Registry,
    Scratch,
    SetCmd,
    SetEntrypoint,
    SetEnv,
    SetWorkdir,
    content_hash,
)

__all__ = ["Identify", "Layer", "image_layers"]

#: What a base or a step is to a cache: two that get the same text make the same layer of the same one below.
Identify = Callable[["ImageBase | ImageStep"], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer to make: the base, or what one step does to the layer before it.

    Attributes:
        number: of the step, from 1, which is the base's. Steps that only set something for later ones and for
            containers make no layer and have no number.
        key: names it in a cache: the hash of its step and of all before it; of its own where the step is forced.
        plain: what `key` would be if nothing were forced: a builder may let that name find this layer, too.
        parent: the key of the layer that it starts from; None for the base.
        step: what to do.
        env: the variables that the image has set so far.
        workdir: the image's working directory so far.
    """

    number: int
    key: str
    plain: str
    parent: str | None
    step: ImageBase | ImageStep
    env: dict[str, str]
    workdir: str

    @property
    def title(self) -> str:
        """A line for people."""
        if isinstance(self.step, (DebianSlim, Registry, Scratch)):
            return base_title(self.step)
        return step_title(self.step)

    @property
    def forced(self) -> bool:
        """It is to be made anew, whatever a cache has."""
        return getattr(self.step, "force", False)


def image_layers(image: ImageSpec, *, identify: Identify = content_hash, session: str | None = None) -> list[Layer]:
    """The layers of `image`, the base first.

    Args:
        image: its definition.
        identify: asked for the base and for each step; a backend may add what they depend on here, such as which image
            the base's name means now. Default: what the definition says.
        session: forced steps are made once for each; default: each time.
    """
    session = session or secrets.token_hex(32)
    key = plain = identify(image.base)
    env: dict[str, str] = {}
    workdir = ImageSpec(base=image.base).workdir()
    layers = [Layer(number=1, key=key, plain=plain, parent=None, step=image.base, env={}, workdir=workdir)]
    for step in image.steps:
        key = content_hash((key, identify(step)))
        plain = content_hash((plain, identify(_unforced(step))))
        if isinstance(step, SetEnv):
            env = {**env, **dict(step.variables)}
        elif isinstance(step, SetWorkdir):
            workdir = step.path
        elif not isinstance(step, (SetEntrypoint, SetCmd)):
            if step.force:
                key = content_hash((key, session))
            number, parent = len(layers) + 1, layers[-1].key
            layers.append(
                Layer(number=number, key=key, plain=plain, parent=parent, step=step, env=env, workdir=workdir)
            )
    return layers


def _unforced(step: ImageStep) -> ImageStep:
    if isinstance(step, (SetEnv, SetWorkdir, SetEntrypoint, SetCmd)):
        return step
    return replace(step, force=False)
