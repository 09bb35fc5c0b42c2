"""The files of running containers as layers among those of images, so that they outlast their session. It blocks."""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Mapping

from intermodal.plugins import BuiltImage
from intermodal_docker.engine import Engine
from intermodal_docker.images.cache import LayerCache
from intermodal_docker.images.names import LAYER, layer_labels, reference

__all__ = ["commit_snapshot", "find_snapshot"]

#: The label that has what core sets in containers of the image. An engine would replace variables in it.
_SETTINGS = "intermodal.snapshot"
_ID = re.compile(r"[0-9a-f]{64}")


def commit_snapshot(engine: Engine, container: str, image: BuiltImage, title: str, maker: str) -> str:
    """Make a layer of what a container's files are now, over its `image`; its id. `maker`: as layers have it."""
    key = secrets.token_hex(32)
    below = engine.image(image.ref)
    labels = layer_labels(key, below.labels.get(LAYER, "") if below else "", title, maker)
    settings = json.dumps({"env": image.env, "workdir": image.workdir, "python": image.python}).encode()
    labels[_SETTINGS] = base64.b64encode(settings).decode()
    engine.commit(container, reference(key), _changes(labels))
    return key


def find_snapshot(cache: LayerCache, id: str) -> BuiltImage | None:
    """What `commit_snapshot` made, in use from now on."""
    found = cache.find(id) if _ID.fullmatch(id) else None
    if found is None or _SETTINGS not in found.details.labels:
        return None
    cache.use_stack(found)
    settings = json.loads(base64.b64decode(found.details.labels[_SETTINGS]))
    env = tuple((name, value) for name, value in settings["env"])
    return BuiltImage(id=id, ref=found.image, python=settings["python"], env=env, workdir=settings["workdir"])


def _changes(labels: Mapping[str, str]) -> list[str]:
    return [f"LABEL {name}={json.dumps(value)}" for name, value in labels.items()]
