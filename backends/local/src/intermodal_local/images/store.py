"""Layers on disk: found by key, published whole or not at all, leased while in use, pruned.

    layers/ID/      an immutable layer: root/ usr/ usr-local/ (overlay upper directories) or venv/, and layer.json
    current/KEY     the ID of the newest layer for a key; replaced atomically
    tmp/KEY.NONCE/  a layer in the making; worth nothing unless somebody holds the key's lock
    lock            one byte for each key (locks.py)

A lease is one on the layer's directory (leases.py).
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from intermodal_local.images.locks import KeyLock
from intermodal_local.images.trees import remove_tree, tree_size
from intermodal_local.leases import hold, is_free

__all__ = ["Layer", "LayerStore", "Lease"]

_META = "layer.json"


@dataclass(frozen=True, slots=True)
class Layer:
    """A published layer. `parent` is the id of the layer below it, "" over the bare base; `size` in bytes."""

    id: str
    key: str
    parent: str
    title: str
    size: int
    created: float


@dataclass(slots=True)
class Lease:
    """A layer that cannot go away until `release`."""

    layer: Layer
    path: Path
    fd: int

    def release(self) -> None:
        """Let go. Idempotent."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class LayerStore:
    """The layers of one data directory. Any number of threads and processes may use it at once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._layers, self._current, self._tmp = root / "layers", root / "current", root / "tmp"
        for directory in (self._layers, self._current, self._tmp):
            directory.mkdir(parents=True, exist_ok=True)

    def find(self, key: str, parent: str) -> Lease | None:
        """The current layer for `key`, leased and marked as used, if it lies on the layer `parent`."""
        try:
            name = (self._current / key).read_text()
        except FileNotFoundError:
            return None
        lease = self._lease(name)
        if lease is not None and lease.layer.parent != parent:
            lease.release()
            return None
        return lease

    def stack(self, name: str) -> list[Lease]:
        """The layer called `name` and those below it, the top-most first, as `find` gives one; none where one is
        missing."""
        found: list[Lease] = []
        while name:
            lease = self._lease(name)
            if lease is None:
                for each in found:
                    each.release()
                return []
            found.append(lease)
            name = lease.layer.parent
        return found

    def lock(self, key: str) -> KeyLock | None:
        """The right to build `key`, with what a killed build of it left removed. None: somebody builds it now."""
        lock = KeyLock.attempt(self.root / "lock", key)
        if lock is not None:
            for stale in self._tmp.glob(f"{key}.*"):
                remove_tree(stale)
        return lock

    def workspace(self, key: str) -> Path:
        """A new directory to build the layer for `key` in; the caller holds the key's lock."""
        path = self._tmp / f"{key}.{secrets.token_hex(4)}"
        path.mkdir(mode=0o755)
        return path

    def publish(self, key: str, parent: str, title: str, content: Path) -> Lease:
        """Move the finished tree `content` (from a workspace) in place as the current layer for `key`, leased."""
        layer = Layer(
            id=f"{key[:32]}-{secrets.token_hex(4)}",
            key=key,
            parent=parent,
            title=title,
            size=tree_size(content),
            created=time.time(),
        )
        (content / _META).write_text(json.dumps(asdict(layer)))
        fd = os.open(content, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH)
            path = self._layers / layer.id
            os.rename(content, path)
            self._point(key, layer.id)
        except BaseException:
            os.close(fd)
            raise
        return Lease(layer, path, fd)

    def layers(self) -> Iterator[tuple[Layer, float, bool]]:
        """Every layer, when it was last used (Unix seconds), and whether somebody uses it now."""
        for path in sorted(self._layers.iterdir()):
            try:
                fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                busy = not is_free(fd)
                yield _read(path), (path / _META).stat().st_mtime, busy
            except FileNotFoundError:
                continue
            finally:
                os.close(fd)

    def prune(self, *, everything: bool, older_than_s: float) -> list[Layer]:
        """Remove layers that nobody uses and that are old enough, were replaced, or lie on nothing; and leftovers.

        Args:
            everything: all that nobody uses, however new.
            older_than_s: seconds since the last use; not older ones stay.
        """
        self.sweep()
        removed: list[Layer] = []
        found = sorted(self.layers(), key=lambda item: item[0].created)  # parents before what lies on them
        known = {layer.id for layer, _, _ in found}
        limit = time.time() - older_than_s
        for layer, used, busy in found:
            orphan = bool(layer.parent) and layer.parent not in known
            if busy or not (everything or orphan or not self._is_current(layer) or used < limit):
                continue
            if self._remove(layer):
                removed.append(layer)
                known.discard(layer.id)
        return removed

    def sweep(self) -> None:
        """Remove what killed builds and prunes left."""
        for path in list(self._tmp.iterdir()):
            lock = KeyLock.attempt(self.root / "lock", path.name.partition(".")[0])
            if lock is not None:
                remove_tree(path)
                lock.release()

    def _lease(self, name: str) -> Lease | None:
        path = self._layers / name
        fd = hold(path)
        if fd is None:
            return None
        try:
            layer = _read(path)
            os.utime(path / _META)
        except BaseException:
            os.close(fd)
            raise
        return Lease(layer, path, fd)

    def _point(self, key: str, name: str) -> None:
        fresh = self._tmp / f"{key}.{secrets.token_hex(4)}"
        fresh.write_text(name)
        os.replace(fresh, self._current / key)

    def _is_current(self, layer: Layer) -> bool:
        try:
            return (self._current / layer.key).read_text() == layer.id
        except FileNotFoundError:
            return False

    def _remove(self, layer: Layer) -> bool:
        path = self._layers / layer.id
        lock = KeyLock.attempt(self.root / "lock", layer.key)
        if lock is None:
            return False
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                if not is_free(fd):
                    return False
                if self._is_current(layer):
                    (self._current / layer.key).unlink()
                grave = self._tmp / f"{layer.key}.{secrets.token_hex(4)}"
                os.rename(path, grave)
            finally:
                os.close(fd)
            remove_tree(grave)
        except FileNotFoundError:
            return False
        finally:
            lock.release()
        return True


def _read(path: Path) -> Layer:
    return Layer(**json.loads((path / _META).read_text()))
