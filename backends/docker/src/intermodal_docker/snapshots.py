"""The files of running containers as images in the engine's store, which go with their session. All of it blocks."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping

from intermodal_docker.engine import Engine

__all__ = ["SNAPSHOT", "commit_snapshot", "remove_snapshots"]

#: The label of such an image, beside its session's.
SNAPSHOT = "intermodal.snapshot"


def commit_snapshot(engine: Engine, container: str, labels: Mapping[str, str]) -> str:
    """Make an image of what a container's files are now; its name. `labels` are the session's."""
    name = f"intermodal-snapshot:{secrets.token_hex(8)}"
    changes = [f"LABEL {key}={json.dumps(value)}" for key, value in {**labels, SNAPSHOT: "1"}.items()]
    engine.commit(container, name, changes)
    return name


def remove_snapshots(engine: Engine, labels: Mapping[str, str]) -> None:
    """Remove those that have these labels."""
    for image in engine.images({SNAPSHOT: "1"}):  # podman finds none by several labels
        if labels.items() <= image.labels.items():
            for name in image.tags or (image.id,):
                engine.remove_image(name)
