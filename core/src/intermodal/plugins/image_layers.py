"""The layers of an image: which steps make one, in which order, under which number and key (image.immutable).

Public to authors of backends, as names of `intermodal.plugins.building`.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from intermodal.plugins.steps import base_title, step_title
from intermodal.specs import (
    CopyFrom,
    DebianSlim,
    ImageBase,
    ImageMount,
    ImageSpec,
    ImageStep,
    Registry,
    RunCommands,
    Scratch,
    SetEnv,
    Setting,
    SetUser,
    SetWorkdir,
    content_hash,
    step_sources,
)

__all__ = ["Identify", "Layer", "image_layers"]

#: What a base or a step is to a cache: two that get the same text make the same layer of the same one below.
Identify = Callable[["ImageBase | ImageStep"], str]

_NO_IMAGE = ImageSpec(base=Scratch())


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer to make: a base, or what one step does to the layer before it.

    Attributes:
        number: of the step, from 1, which is the base's. Steps that only set something for later ones and for
            containers make no layer and have no number.
        key: names it in a cache: the hash of its step and of all before it; of its own where the step is forced.
        plain: what `key` would be if nothing were forced: a builder may let that name find this layer, too.
        parent: the key of the layer that it starts from; None for a base.
        step: what to do.
        env: the variables that the image has set so far.
        workdir: the image's working directory so far.
        user: who the step runs as, "" for root.
        sources: the keys of the layers that the step copies from or shows: the last ones of the images that
            `intermodal.specs.step_sources` gives, in that order.
    """

    number: int
    key: str
    plain: str
    parent: str | None
    step: ImageBase | ImageStep
    env: dict[str, str]
    workdir: str
    user: str = ""
    sources: tuple[str, ...] = ()

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
    """The layers of `image`, each after all that it needs: those of images that its steps copy from come first, and its
    own last one is the last. What several of them begin with is there once.

    Args:
        image: its definition.
        identify: asked for each base and each step; a backend may add what they depend on here, such as which image a
            base's name means now. Default: what the definition says.
        session: forced steps are made once for each; default: each time.
    """
    book = _Book(identify, session or secrets.token_hex(32))
    for each in (*image.sources(), image):
        book.add(each)
    return list(book.layers.values())


class _Book:
    """The layers of several images, by key."""

    def __init__(self, identify: Identify, session: str) -> None:
        self.layers: dict[str, Layer] = {}
        self._identify, self._session = identify, session
        self._last: dict[ImageSpec, Layer] = {}

    def add(self, image: ImageSpec) -> None:
        """Its layers, as far as they are new. All that its steps need is there."""
        key = plain = self._identify(image.base)
        env: dict[str, str] = {}
        workdir, user = ImageSpec(base=image.base).workdir(), ""
        last = self._one(Layer(number=0, key=key, plain=plain, parent=None, step=image.base, env=env, workdir=workdir))
        for step in image.steps:
            sources = [self._last[source] for source in step_sources(step)]
            key = self._next(key, step, [source.key for source in sources])
            plain = self._next(plain, _unforced(step), [source.plain for source in sources])
            if isinstance(step, SetEnv):
                env = {**env, **dict(step.variables)}
            elif isinstance(step, SetWorkdir):
                workdir = step.path
            elif isinstance(step, SetUser):
                user = step.user
            elif not isinstance(step, Setting):
                key = content_hash((key, self._session)) if step.force else key
                last = self._one(
                    Layer(
                        number=0,
                        key=key,
                        plain=plain,
                        parent=last.key,
                        step=step,
                        env=env,
                        workdir=workdir,
                        user=user,
                        sources=tuple(source.key for source in sources),
                    )
                )
        self._last[image] = last

    def _one(self, layer: Layer) -> Layer:
        found = self.layers.get(layer.key)
        if found is None:
            found = self.layers[layer.key] = replace(layer, number=len(self.layers) + 1)
        return found

    def _next(self, key: str, step: ImageStep, sources: Sequence[str]) -> str:
        """What comes after `key`. Of images that the step takes something from, the keys count, not the definitions."""
        if not sources:
            return content_hash((key, self._identify(step)))
        return content_hash((key, self._identify(_without_sources(step)), *sources))


def _unforced(step: ImageStep) -> ImageStep:
    return step if isinstance(step, Setting) else replace(step, force=False)


def _without_sources(step: ImageStep) -> ImageStep:
    if isinstance(step, CopyFrom):
        return replace(step, source=_NO_IMAGE)
    assert isinstance(step, RunCommands)
    mounts = [replace(each, source=_NO_IMAGE) if isinstance(each, ImageMount) else each for each in step.mounts]
    return replace(step, mounts=tuple(mounts))
