"""What runs, in words or as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from container_engines.base_image import IMAGE, LABEL
from container_engines.engine import Engine
from container_engines.failure import Failure

__all__ = ["describe", "in_words"]


def describe(engine: Engine, state: Path) -> dict[str, Any]:
    """What is known of an engine."""
    service = engine.service(state)
    found: dict[str, Any] = {"name": engine.name, "socket": str(engine.socket)}
    reason = engine.api.why_not()
    if reason is not None:
        return {**found, "up": False, "reason": reason, "ready": False}
    try:
        image = engine.api.image(IMAGE)
        info = engine.api.info()
        version = engine.api.version()
    except Failure as error:
        return {**found, "up": False, "reason": str(error), "ready": False}
    pid = service.pid()
    return {
        **found,
        "up": True,
        "version": version,
        "pid": pid,
        "log": str(service.log) if pid else None,
        "root": info.get("DockerRootDir"),
        "storage_driver": info.get("Driver"),
        "cgroup_version": str(info.get("CgroupVersion") or "1"),
        "images": info.get("Images"),
        "containers_running": info.get("ContainersRunning"),
        "base_image": None if image is None else {"name": IMAGE, "id": image.id, "ours": LABEL in image.labels},
        "ready": image is not None,
    }


def in_words(found: dict[str, Any]) -> str:
    """The same for a reader."""
    if not found["up"]:
        return f"{found['name']}: down, {found['reason']}"
    by = f"process {found['pid']}, log {found['log']}" if found["pid"] else "started by somebody else"
    image = found["base_image"]
    if image is None:
        base = f"{IMAGE} is missing"
    else:
        base = f"{IMAGE} is {image['id'][:12]}, {'made here' if image['ours'] else 'not made here'}"
    return (
        f"{found['name']}: up, version {found['version']}, at {found['socket']} ({by})\n"
        f"  {found['images']} images, {found['containers_running']} running containers in {found['root']}, "
        f"storage {found['storage_driver']}, cgroup v{found['cgroup_version']}\n"
        f"  {base}"
    )
