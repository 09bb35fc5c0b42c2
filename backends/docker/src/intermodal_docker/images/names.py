"""What layers are called in an engine's own image store, and what their labels say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from intermodal_docker.engine import ImageDetails

__all__ = ["BASE", "EMPTY", "LAYER", "CachedLayer", "base_labels", "layer_labels", "python_labels", "reference"]

_REPOSITORY = "intermodal/cache"
#: An image of nothing, which empty layers are made from.
EMPTY = "intermodal/empty:1"
#: Has the layer's key. Images that somebody made from ours inherit it, so the name has to fit, too.
LAYER = "intermodal.layer"
#: Has the name of the image that a base layer was made from, and `_BASE_ID` which one that was.
BASE = "intermodal.layer.base"
_BASE_ID = "intermodal.layer.base.id"
_PARENT = "intermodal.layer.parent"
#: Has which machine, user and data directory made it: those may prune it.
_MAKER = "intermodal.layer.maker"
_TITLE = "intermodal.layer.title"
_PYTHON = "intermodal.layer.python"
_PROGRAM = "intermodal.layer.python.program"


@dataclass(frozen=True, slots=True, kw_only=True)
class CachedLayer:
    """A layer that the engine has.

    Attributes:
        image: the engine's id of it.
        parent: the key of the layer below; "" for a base.
        maker: whose it is: the machine, user and data directory that made it; "" where that is not known.
        python: the version inside ("3.11.2"), and `program` where it is; "" where there is none.
        base: the engine's id of the image that the base was made from.
        size: of the whole image, in bytes.
    """

    key: str
    image: str
    parent: str
    maker: str
    title: str
    python: str
    program: str
    base: str
    size: int
    created: float
    details: ImageDetails

    @classmethod
    def of(cls, details: ImageDetails, key: str | None = None) -> CachedLayer | None:
        """What an image's labels say; None for one that is not ours. `key`: by which it was found."""
        told = details.labels
        if LAYER not in told or not (key or _is_named(details, told[LAYER])):
            return None
        return cls(
            key=key or told[LAYER],
            image=details.id,
            parent=told.get(_PARENT, ""),
            maker=told.get(_MAKER, ""),
            title=told.get(_TITLE, ""),
            python=told.get(_PYTHON, ""),
            program=told.get(_PROGRAM, ""),
            base=told.get(_BASE_ID, ""),
            size=details.size,
            created=details.created,
            details=details,
        )


def reference(key: str) -> str:
    """The name of the layer `key`."""
    return f"{_REPOSITORY}:{key}"


def layer_labels(key: str, parent: str, title: str, maker: str) -> dict[str, str]:
    """Labels of the container that a layer is made in; the layer inherits them."""
    return {LAYER: key, _PARENT: parent, _TITLE: title, _MAKER: maker}


def base_labels(name: str, image: str) -> dict[str, str]:
    """More labels of a base layer's container; what lies on it inherits them."""
    return {BASE: name, _BASE_ID: image}


def python_labels(python: str, program: str) -> Mapping[str, str]:
    """Labels that a layer gets when it is made."""
    return {_PYTHON: python, _PROGRAM: program}


def _is_named(details: ImageDetails, key: str) -> bool:
    return any(tag.endswith(reference(key)) for tag in details.tags)
