"""For builders that make an image layer by layer: order, cache keys, progress and errors (image.immutable).

Public to authors of backends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Sequence

from intermodal.exception import BackendError, CapabilityNotSupported
from intermodal.plugins.build_hints import hint_for
from intermodal.plugins.build_settings import BuildSettings, read_settings
from intermodal.plugins.image_layers import Layer, image_layers
from intermodal.plugins.members import Member, archive_members, chosen, pattern_parts, stream_members, tree_members
from intermodal.plugins.owners import owner_ids
from intermodal.plugins.progress import Progress
from intermodal.plugins.roles import BuildSink
from intermodal.plugins.sources import with_secret_sources
from intermodal.plugins.step_runs import (
    APT_CACHE,
    COMPILE,
    KIT,
    KIT_SETTINGS,
    KIT_SOURCE,
    UV_CACHE,
    StepFailed,
    StepRefused,
    StepRun,
    Surroundings,
    find_uv,
    plan_commands,
    plan_function,
    plan_packages,
    plan_system,
)
from intermodal.plugins.steps import image_capabilities
from intermodal.specs import ImageSpec

__all__ = [
    "APT_CACHE",
    "COMPILE",
    "KIT",
    "KIT_SETTINGS",
    "KIT_SOURCE",
    "UV_CACHE",
    "BuildSettings",
    "Layer",
    "Member",
    "Progress",
    "StepFailed",
    "StepRefused",
    "StepRun",
    "Surroundings",
    "archive_members",
    "build_layers",
    "chosen",
    "find_uv",
    "hint_for",
    "image_layers",
    "owner_ids",
    "pattern_parts",
    "plan_commands",
    "plan_function",
    "plan_packages",
    "plan_system",
    "read_settings",
    "stream_members",
    "tree_members",
    "with_secret_sources",
]


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
    progress = Progress(layers, sink)
    for layer in layers:
        progress.begin(layer, cached=layer.key in cached)
        if layer.key in cached:
            continue
        try:
            output = await make(layer)
        except BackendError as error:
            raise progress.failed(layer, error) from None
        for line in output.splitlines():
            progress.output(layer, line)
    return layers[-1].key
