"""Which images of a user's file the command line means."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType

import click

from intermodal.cli.target import Reference
from intermodal.definitions.app import App
from intermodal.definitions.image import Image
from intermodal.plugins.options import nearest

__all__ = ["images_of"]


def images_of(module: ModuleType, reference: Reference) -> dict[str, Image]:
    """The named image, or that of the named function or class; without a name all that the file has, each once.

    Raises `click.UsageError` listing what there is.
    """
    known = _known(module)
    if reference.name is None:
        if not known:
            raise click.UsageError(f"{reference.place} has no image: it has neither an intermodal.Image nor an app")
        return {name: image for number, (name, image) in enumerate(known.items()) if not _earlier(known, number, image)}
    name = reference.name if reference.name in known else reference.name.partition(".")[0]
    if name not in known:
        raise click.UsageError(
            f"{reference.place} has no image, function or class {reference.name!r}{nearest(reference.name, known)}. "
            f"Names: {', '.join(known) or 'none'}"
        )
    return {reference.name: known[name]}


def _known(module: ModuleType) -> dict[str, Image]:
    """Images by the name of their variable, then by those of functions and classes."""
    found = {name: value for name, value in vars(module).items() if isinstance(value, Image)}
    default = Image.debian_slim()
    for app in (value for value in vars(module).values() if isinstance(value, App)):
        for registered in app.registered:
            found.setdefault(registered.name, registered.behaviour.image or default)
    return found


def _earlier(known: Mapping[str, Image], number: int, image: Image) -> bool:
    return any(other is image for other in list(known.values())[:number])
