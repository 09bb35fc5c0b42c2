"""What a step's container has beside the image, for the step only, as an order to the box."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from intermodal.plugins import Blobs
from intermodal.plugins.building import StepRun
from intermodal.plugins.holding import alone_with
from intermodal.specs import CacheMount, FilesMount, FileTree, ImageMount, SecretMount, TmpfsMount
from intermodal_local.images.copying import write_tree

__all__ = ["beside", "holding_caches"]

_FILE = "file"


def beside(
    run: StepRun, work: Path, caches: Path, sources: Sequence[Mapping[str, Sequence[str]]], blobs: Blobs
) -> list[dict[str, Any]]:
    """What to mount, in order.

    Args:
        run: the step.
        work: an empty directory for what is written for it.
        caches: where caches are kept.
        sources: the lower directories of the images that it shows, in their order.
    """
    waiting = list(sources)
    found: list[dict[str, Any]] = []
    for number, mount in enumerate(run.extras):
        order: dict[str, Any] = {"target": mount.target}
        match mount:
            case CacheMount():
                place = caches / _name(mount.id)
                place.mkdir(parents=True, exist_ok=True)
                order |= {"kind": "bind", "source": str(place), "writable": True}
            case TmpfsMount():
                order |= {"kind": "tmpfs", "size": mount.size}
            case SecretMount():
                order |= {"kind": "text", "text": run.secrets[mount.variable]}
                order |= {"mode": mount.mode, "uid": mount.uid, "gid": mount.gid}
            case FilesMount():
                place = work / f"files{number}"
                entries = tuple(replace(entry, path=entry.path or _FILE) for entry in mount.tree.entries)
                write_tree(FileTree(entries), place, blobs)
                order |= {"kind": "bind", "source": str(place / _FILE if mount.tree.is_file else place)}
            case ImageMount():
                lowers = {name: list(paths) for name, paths in waiting.pop(0).items()}
                order |= {"kind": "image", "lowers": lowers, "path": mount.path}
        found.append(order)
    return found


@contextlib.contextmanager
def holding_caches(
    run: StepRun, caches: Path, output: Callable[[str], None], check: Callable[[], None]
) -> Iterator[None]:
    """Hold the caches that one step at a time may have; wait for them, and say so."""
    with contextlib.ExitStack() as stack:
        for id in sorted(mount.id for mount in run.extras if isinstance(mount, CacheMount) and mount.alone):
            caches.mkdir(parents=True, exist_ok=True)

            def waits(id: str = id) -> None:
                output(f"another step has the cache {id}; waiting for it")

            stack.enter_context(alone_with(caches, id, waits, check))
        yield


def _name(id: str) -> str:
    return "cache-" + hashlib.sha256(id.encode()).hexdigest()[:24]
