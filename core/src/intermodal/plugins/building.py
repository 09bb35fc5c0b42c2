"""For builders that make an image layer by layer: order, cache keys, progress and errors (image.immutable).

Public to authors of backends.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass

from intermodal.exception import BackendError, CapabilityNotSupported, ImageBuildError
from intermodal.plugins.roles import BuildSink
from intermodal.plugins.steps import base_title, image_capabilities, step_title
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

__all__ = ["Layer", "build_layers"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer to make: the base, or what one step does to the layer before it.

    Attributes:
        key: names it in a cache: the hash of its step and of all before it; of its own where the step is forced.
        parent: the key of the layer that it starts from; None for the base.
        step: what to do.
        env: the variables that the image has set so far.
        workdir: the image's working directory so far.
    """

    key: str
    parent: str | None
    step: ImageBase | ImageStep
    env: dict[str, str]
    workdir: str


async def build_layers(
    image: ImageSpec,
    sink: BuildSink,
    cached: Container[str],
    make: Callable[[Layer], Awaitable[str]],
    supported: Container[str],
) -> str:
    """Make the layers of `image` that are not there yet, one after another; the last one's key.

    Args:
        image: what to build. Its base and its steps are layers, but for those that set variables or the directory.
        sink: hears of every layer, and the lines that `make` gave.
        cached: the keys of layers that are there.
        make: makes one and returns what was printed. It makes a whole layer or none, also where two make the same one
            at once. It raises `BackendError` with what was printed where the step fails.
        supported: the capabilities of the builder.

    Raises:
        CapabilityNotSupported: the image needs another one; nothing is made then.
        ImageBuildError: a step failed; with its number, its title and its output.
    """
    for needed in image_capabilities(image):
        if needed not in supported:
            raise CapabilityNotSupported(needed)
    layers = _layers(image)
    for number, layer in enumerate(layers, 1):
        step = layer.step
        title = base_title(step) if isinstance(step, (DebianSlim, Registry, Scratch)) else step_title(step)
        sink.step(number, len(layers), title, cached=layer.key in cached)
        if layer.key in cached:
            continue
        try:
            output = await make(layer)
        except BackendError as error:
            raise ImageBuildError(f"step {number} of {len(layers)} ({title}) failed: {error}") from None
        for line in output.splitlines():
            sink.output(number, line)
    return layers[-1].key


def _layers(image: ImageSpec) -> list[Layer]:
    key = content_hash(image.base)
    env: dict[str, str] = {}
    workdir = ImageSpec(base=image.base).workdir()
    layers = [Layer(key=key, parent=None, step=image.base, env={}, workdir=workdir)]
    for step in image.steps:
        key = content_hash((key, content_hash(step)))
        if isinstance(step, SetEnv):
            env = {**env, **dict(step.variables)}
        elif isinstance(step, SetWorkdir):
            workdir = step.path
        elif isinstance(step, (SetEntrypoint, SetCmd)):
            continue
        else:
            if step.force:
                key = secrets.token_hex(32)
            layers.append(Layer(key=key, parent=layers[-1].key, step=step, env=env, workdir=workdir))
    return layers
