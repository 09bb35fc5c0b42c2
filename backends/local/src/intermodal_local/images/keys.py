"""What of the host a layer depends on: added to the keys that core gives to layers (image.immutable)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from intermodal.plugins.building import Layer, image_layers
from intermodal.specs import (
    DebianSlim,
    ImageBase,
    ImageSpec,
    ImageStep,
    Registry,
    Scratch,
    SystemPackages,
    content_hash,
)

__all__ = ["FORMAT", "BaseIdentity", "local_layers"]

#: Raised when a builder makes other layers of the same steps than before.
FORMAT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseIdentity:
    """What of the host the layers lie over.

    Args:
        system: the host's os-release and machine.
        python: full version and place of the image's interpreter.
        packages: the host's package database; only what the system's package manager installs depends on it.
        isolation: "namespaces" or "process".
    """

    system: str
    python: str
    packages: str = ""
    isolation: str = "namespaces"


def local_layers(identities: Mapping[ImageBase, BaseIdentity], image: ImageSpec) -> Sequence[Layer]:
    """The layers of `image`, and of the images that it takes something from, over bases of `identities`.

    `Layer.plain` names each in the store: a forced build replaces what the unforced definition finds.
    """

    def identify(step: ImageBase | ImageStep) -> str:
        if isinstance(step, (DebianSlim, Registry, Scratch)):
            # Whatever it is called: all that names the same userland shares its layers.
            return content_hash({**asdict(identities[step]), "format": FORMAT, "packages": None})
        if isinstance(step, SystemPackages):
            return content_hash((identities[image.base].packages, content_hash(step)))
        return content_hash(step)

    return image_layers(image, identify=identify)
