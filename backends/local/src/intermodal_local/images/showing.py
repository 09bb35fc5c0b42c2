"""What a step's container has beside the image, mounted: the box's half of `beside.py`."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from intermodal_local.runtime import kernel, overlay

__all__ = ["show"]


def show(inside: overlay.Inside, order: dict[str, Any], hidden: str) -> None:
    """Mount one thing. `hidden` is a directory in memory, for what no disk may have. Raises `OSError`."""
    target = order["target"]
    match order["kind"]:
        case "bind":
            _bind(inside, order["source"], target, writable=order.get("writable", False))
        case "tmpfs":
            size = "" if order["size"] is None else f",size={order['size']}"
            inside.mount(target, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, f"mode=1777{size}")
        case "text":
            fd, path = tempfile.mkstemp(dir=hidden)
            with os.fdopen(fd, "w") as file:
                file.write(order["text"])
            os.chown(path, order["uid"], order["gid"])
            os.chmod(path, order["mode"])
            inside.bind(path, target)
        case "image":
            root = overlay.mount_root(
                f"{order['place']}/stack", f"{order['place']}/run", overlay.counts(order["lowers"])
            )
            other = overlay.Inside(root)
            fd = other.existing(order["path"])
            _bind(inside, f"/proc/self/fd/{fd}", target, writable=True)
            os.close(fd)
            other.close()


def _bind(inside: overlay.Inside, source: str, target: str, *, writable: bool) -> None:
    if not writable:
        inside.bind(source, target)
        return
    place = inside.place(target, directory=os.path.isdir(source))
    try:
        kernel.bind(source, f"/proc/self/fd/{place}")
    finally:
        os.close(place)
