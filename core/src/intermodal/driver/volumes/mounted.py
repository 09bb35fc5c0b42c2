"""One volume in one container: what it was mounted with, and what the container has written since."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from intermodal.driver.volumes.places import Places
from intermodal.plugins import Blobs, Storage
from intermodal.plugins.roles import VolumeContainer
from intermodal.specs import VolumeMount
from intermodal.storage.bulk import put_all
from intermodal.storage.removing import remove_tree
from intermodal.storage.volumes import Commit, Directory, Known, Stack, Versions
from intermodal.storage.volumes.hosting import DeltaDirectories
from intermodal.storage.volumes.versions import Version
from intermodal.storage.volumes.written import Layer

__all__ = ["Ground", "Mounted", "Stage"]


@dataclass(frozen=True)
class Ground:
    """What mounts of a session stand on."""

    storage: Storage
    versions: Versions
    blobs: Blobs
    deltas: DeltaDirectories
    places: Places


@dataclass
class Stage:
    """One overlay: a version, and a private layer on top of it. `layer` is None where nothing can be written."""

    mount: VolumeMount
    known: Known
    directory: Path
    layer: Layer | None

    @classmethod
    async def make(cls, ground: Ground, volume: str, target: str, *, read_only: bool) -> Stage:
        """An overlay of the head. Raises `NotFoundError`, `BackendError`, `ResourceExhaustedError`."""
        head: Version = await ground.versions.head(volume)
        stack: Stack = await ground.versions.stack(head)
        return await asyncio.to_thread(cls._make, ground, head, stack, target, read_only)

    @classmethod
    def _make(cls, ground: Ground, head: Version, stack: Stack, target: str, read_only: bool) -> Stage:
        root = stack.lookup("")
        assert isinstance(root, Directory)
        lower = ground.deltas.have(head.deltas, stack.deltas, ground.blobs)
        try:
            directory = ground.places.fresh()
            upper = directory / "upper"
            os.chmod(upper, root.mode)  # the upper directory is what an overlay shows as its root
            os.utime(upper, ns=(root.mtime, root.mtime))
        except BaseException:
            ground.deltas.let_go(lower)
            raise
        mount = VolumeMount(
            target=target,
            lower=lower,
            upper=None if read_only else str(upper),
            work=None if read_only else str(directory / "work"),
            place=str(directory / "place"),
        )
        return cls(mount, Known(stack), directory, None if read_only else Layer(upper))

    async def drop(self, ground: Ground) -> None:
        """It is mounted no more: what was written to it is gone."""
        await asyncio.to_thread(remove_tree, self.directory)
        ground.deltas.let_go(self.mount.lower)


@dataclass
class Mounted:
    """A volume that a container has mounted. Its operations take turns."""

    ground: Ground
    volume: str
    stage: Stage
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def commit(self) -> Commit | None:
        """Publish what the container has written since the last time; None where that is nothing.

        Raises `NotFoundError` (the volume was deleted), `ResourceExhaustedError`; nothing is published then.
        """
        async with self.lock:
            return await self._publish(self.stage)

    async def reload(self, container: VolumeContainer) -> AsyncGenerator[Commit, None]:
        """Commit, then show the head; the commits that this took.

        Raises `VolumeInUse` with what was open; and as `commit` does.
        """
        async with self.lock:
            commit = await self._publish(self.stage)
            while True:
                if commit is not None:
                    yield commit
                fresh = await Stage.make(
                    self.ground, self.volume, self.stage.mount.target, read_only=self.stage.layer is None
                )
                try:
                    await container.remount((fresh.mount,))
                except BaseException:
                    await fresh.drop(self.ground)
                    raise
                old, self.stage = self.stage, fresh
                commit = await self._publish(old)  # written between the commit and the swap
                await old.drop(self.ground)
                if commit is None:
                    return

    async def leave(self) -> Commit | None:
        """The container has ended: commit, and forget what it wrote. Raises as `commit` does."""
        async with self.lock:
            try:
                return await self._publish(self.stage)
            finally:
                await self.stage.drop(self.ground)

    async def _publish(self, stage: Stage) -> Commit | None:
        layer, known = stage.layer, stage.known
        if layer is None:
            return None
        written = await asyncio.to_thread(layer.written, known)
        if written.files:
            loop = asyncio.get_running_loop()

            def put(paths: Sequence[Path]) -> Sequence[str]:
                return asyncio.run_coroutine_threadsafe(put_all(self.ground.storage, paths), loop).result()

            await asyncio.to_thread(layer.contents, written, known, stage.directory, put)
        if not written.entries:
            layer.committed(written)
            return None
        commit = await self.ground.versions.commit(self.volume, known, written.entries)
        known.learn(written.entries)
        layer.committed(written)
        return commit
