"""For builders that make an image layer by layer: order, cache keys, progress and errors (image.immutable).

Public to authors of backends.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Container, Sequence
from dataclasses import dataclass, replace

from intermodal.exception import BackendError, CapabilityNotSupported, ImageBuildError
from intermodal.plugins.build_hints import hint_for
from intermodal.plugins.build_settings import BuildSettings, read_settings
from intermodal.plugins.roles import BuildSink
from intermodal.plugins.sources import with_secret_sources
from intermodal.plugins.step_runs import (
    COMPILE,
    KIT,
    KIT_SETTINGS,
    KIT_SOURCE,
    StepRefused,
    StepRun,
    Surroundings,
    find_uv,
    plan_commands,
    plan_function,
    plan_packages,
    plan_system,
)
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

__all__ = [
    "COMPILE",
    "KIT",
    "KIT_SETTINGS",
    "KIT_SOURCE",
    "BuildSettings",
    "Layer",
    "StepRefused",
    "StepRun",
    "Surroundings",
    "build_layers",
    "find_uv",
    "hint_for",
    "image_layers",
    "plan_commands",
    "plan_function",
    "plan_packages",
    "plan_system",
    "read_settings",
    "with_secret_sources",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer to make: the base, or what one step does to the layer before it.

    Attributes:
        number: of the step, from 1; the base is the first.
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


async def build_layers(
    image: ImageSpec,
    sink: BuildSink,
    cached: Container[str],
    make: Callable[[Layer], Awaitable[str]],
    supported: Container[str],
    *,
    layers: Sequence[Layer] | None = None,
) -> str:
    """Make the layers of `image` that are not there yet, one after another; the last one's key.

    Args:
        image: what to build. Its base and its steps are layers, but for those that set variables or the directory.
        sink: hears of every layer, and the lines that `make` gave.
        cached: the keys of layers that are there.
        make: makes one and returns what was printed; "" where it told the sink line by line. It makes a whole layer or
            none, also where two make the same one at once. It raises `BackendError` with what was printed where the
            step fails.
        supported: the capabilities of the builder.
        layers: what `image_layers` gave for the image, where the builder has asked.

    Raises:
        CapabilityNotSupported: the image needs another one; nothing is made then.
        ImageBuildError: a step failed; with its number, its title and its output.
    """
    for needed in image_capabilities(image):
        if needed not in supported:
            raise CapabilityNotSupported(needed)
    layers = layers or image_layers(image)
    for layer in layers:
        step = layer.step
        title = base_title(step) if isinstance(step, (DebianSlim, Registry, Scratch)) else step_title(step)
        sink.step(layer.number, len(layers), title, cached=layer.key in cached)
        if layer.key in cached:
            continue
        try:
            output = await make(layer)
        except BackendError as error:
            raise ImageBuildError(f"step {layer.number} of {len(layers)} ({title}) failed: {error}") from None
        for line in output.splitlines():
            sink.output(layer.number, line)
    return layers[-1].key


def image_layers(image: ImageSpec, *, salt: str = "", session: str | None = None) -> list[Layer]:
    """The layers of `image`, the base first.

    Args:
        image: its definition.
        salt: what else of the backend they depend on, such as the name of its base image.
        session: forced steps are made once for each; default: each time.
    """
    key = plain = content_hash((salt, content_hash(image.base))) if salt else content_hash(image.base)
    session = session or secrets.token_hex(32)
    env: dict[str, str] = {}
    workdir = ImageSpec(base=image.base).workdir()
    layers = [Layer(number=1, key=key, plain=plain, parent=None, step=image.base, env={}, workdir=workdir)]
    for step in image.steps:
        key = content_hash((key, content_hash(step)))
        plain = content_hash((plain, content_hash(_unforced(step))))
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
