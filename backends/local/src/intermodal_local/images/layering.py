"""One layer, once: from the cache, from whoever builds it at this moment, or built here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from intermodal.exception import BackendError
from intermodal_local.images.locks import KeyLock
from intermodal_local.images.run import Lifeline
from intermodal_local.images.store import LayerStore, Lease
from intermodal_local.images.trees import flush, remove_tree

__all__ = ["Making", "Obtained", "obtain"]

_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Making:
    """A layer in the making: fill `content`; `work` beside it is scratch space; the step's processes hold `lock`."""

    content: Path
    work: Path
    lock: KeyLock


@dataclass(frozen=True, slots=True)
class Obtained:
    """A leased layer, and whether it was there already."""

    lease: Lease
    cached: bool


def obtain(
    store: LayerStore,
    key: str,
    parent: str,
    title: str,
    make: Callable[[Making], None],
    *,
    force: Callable[[], bool],
    waits: Callable[[], None],
    lifeline: Lifeline,
) -> Obtained:
    """The layer for `key` over the layer `parent`. Blocks, for as long as it takes.

    Args:
        make: fills a new layer; what it raises is passed on, and nothing is left of the try.
        force: asked whether a layer that is there counts for nothing.
        waits: told once when somebody else builds it.
        lifeline: cut, it ends the wait with `BackendError`.
    """
    told = False
    while True:
        found = None if force() else store.find(key, parent)
        if found is not None:
            return Obtained(found, cached=True)
        lock = store.lock(key)
        if lock is not None:
            break
        if lifeline.is_cut:
            raise BackendError("the build was cancelled")
        if not told:
            waits()
            told = True
        time.sleep(_POLL_S)
    try:
        found = None if force() else store.find(key, parent)
        if found is not None:
            return Obtained(found, cached=True)
        return Obtained(_build(store, key, parent, title, make, lock), cached=False)
    finally:
        lock.release()


def _build(
    store: LayerStore, key: str, parent: str, title: str, make: Callable[[Making], None], lock: KeyLock
) -> Lease:
    workspace = store.workspace(key)
    try:
        making = Making(workspace / "layer", workspace / "work", lock)
        making.content.mkdir(mode=0o755)
        making.work.mkdir(mode=0o755)
        make(making)
        flush(making.content)
        return store.publish(key, parent, title, making.content)
    finally:
        remove_tree(workspace)
