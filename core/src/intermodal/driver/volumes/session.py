"""The volumes of one session: mounted into its containers, committed by and by, answered for."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from intermodal.driver.volumes.mounted import Ground, Mounted, Stage
from intermodal.driver.volumes.places import Places
from intermodal.driver.volumes.sweeping import sweep
from intermodal.exception import InvalidError
from intermodal.plugins import Blobs, Container, Storage, VolumeContainer, VolumeInUse
from intermodal.specs import VolumeMount, VolumeSpec
from intermodal.storage import Reply, RequestError
from intermodal.storage.volumes import Commit, VolumeService
from intermodal.storage.volumes.hosting import DeltaDirectories

__all__ = ["SessionVolumes"]

_NAMED = 10  # lost paths that a line of the log names

#: Tells people of a container: its id, and what happened.
Report = Callable[[str, str], None]


class SessionVolumes:
    """What a session knows of volumes. On the driver's loop.

    Args:
        blobs: local files of what the storage has; used on threads.
        session: its id.
        environment: where names belong that come without one.
        every_s: seconds between automatic commits of what running containers write.
    """

    def __init__(
        self, storage: Storage, blobs: Blobs, data_dir: Path, session: str, environment: str, every_s: float
    ) -> None:
        self._places = Places(data_dir, session)
        self._service = VolumeService(storage, blobs, session, self._places.hold)
        self._data_dir, self._environment, self._every_s = data_dir, environment, every_s
        self._deltas = DeltaDirectories(data_dir)
        self._ground = Ground(storage, self._service.versions, blobs, self._deltas, self._places)
        self._mounted: dict[str, list[Mounted]] = {}
        self._containers: dict[str, VolumeContainer] = {}
        self._compacting: set[asyncio.Task[None]] = set()
        self._periodic: asyncio.Task[None] | None = None
        self._report: Report = lambda container, message: None

    def report_to(self, report: Report) -> None:
        """Who hears of lost overwrites, and of commits that failed."""
        self._report = report

    # ---- containers -------------------------------------------------------------------------------------------------

    async def prepare(self, container: str, volumes: Sequence[VolumeSpec]) -> tuple[VolumeMount, ...]:
        """Overlays of the heads, for a container that is about to start; `leave` follows in any case.

        Raises `NotFoundError`, `BackendError`, `ResourceExhaustedError`.
        """
        if not volumes:
            return ()
        mounted = self._mounted[container] = []
        for spec in volumes:
            volume = spec.id or await self._service.named(
                spec.name, spec.environment or self._environment, create=spec.create
            )
            stage = await Stage.make(self._ground, volume, spec.target, read_only=spec.read_only)
            mounted.append(Mounted(self._ground, volume, stage))
        return tuple(each.stage.mount for each in mounted)

    def launched(self, name: str, container: Container) -> None:
        """A container that was prepared runs."""
        if name in self._mounted:
            self._containers[name] = cast(VolumeContainer, container)
            if self._periodic is None:
                self._periodic = asyncio.get_running_loop().create_task(self._commit_by_and_by())

    async def leave(self, container: str) -> None:
        """A container has ended, or did not start: commit what it wrote (volume.commit)."""
        self._containers.pop(container, None)
        for mounted in self._mounted.get(container, ()):
            await self._quietly(container, mounted, mounted.leave())
        self._mounted.pop(container, None)

    async def _commit_by_and_by(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            for container in list(self._containers):
                for mounted in self._mounted.get(container, ()):
                    await self._quietly(container, mounted, mounted.commit())

    async def _quietly(self, container: str, mounted: Mounted, work: Coroutine[Any, Any, Commit | None]) -> None:
        try:
            self._tell(container, mounted, await work)
        except Exception as error:  # noqa: BLE001 - nobody waits for it: people have to hear of it
            self._report(container, f"what it wrote to {mounted.stage.mount.target} was not committed: {error}")

    def _tell(self, container: str, mounted: Mounted, commit: Commit | None) -> None:
        if commit is None:
            return
        if commit.lost:
            names = ", ".join(commit.lost[:_NAMED]) + (", …" if len(commit.lost) > _NAMED else "")
            self._report(
                container,
                f"its commit to {mounted.stage.mount.target} overwrote {len(commit.lost)} paths that others had "
                f"committed since it last looked: {names}",
            )
        if self._service.versions.is_long(commit.version):
            task = asyncio.get_running_loop().create_task(self._compact(mounted.volume))
            self._compacting.add(task)
            task.add_done_callback(self._compacting.discard)

    # ---- requests ---------------------------------------------------------------------------------------------------

    async def handle(self, method: str, params: Mapping[str, Any], segments: Sequence[bytes], *, owner: str) -> Reply:
        """Answer one request; `owner` is the container it comes from. Raises `RequestError`."""
        if method not in ("volume.commit", "volume.reload"):
            return await self._service.handle(method, params, segments, trusted=not owner)
        mounted = self._of(owner, str(params["id"]))
        if method == "volume.commit":
            if mounted.stage.layer is None:
                raise InvalidError(f"{mounted.stage.mount.target} is mounted read-only: there is nothing to commit")
            self._tell(owner, mounted, await mounted.commit())
            return Reply()
        await self._reload(owner, mounted)
        return Reply()

    async def reload_all(self, container: str) -> None:
        """Reload all volumes of a container that runs, one after another. Raises `RequestError`."""
        for mounted in self._mounted.get(container, ()):
            await self._reload(container, mounted)

    async def _reload(self, container: str, mounted: Mounted) -> None:
        try:
            async with contextlib.aclosing(mounted.reload(self._containers[container])) as commits:
                async for commit in commits:
                    self._tell(container, mounted, commit)
        except VolumeInUse as busy:
            raise RequestError(
                "RuntimeError", f"{mounted.stage.mount.target} cannot be reloaded while it is in use: {busy}"
            ) from None

    def _of(self, container: str, volume: str) -> Mounted:
        for mounted in self._mounted.get(container, ()):
            if mounted.volume == volume and container in self._containers:
                return mounted
        raise InvalidError(
            "this container has not mounted that volume: give it to its function as volumes={path: volume}"
        )

    # ---- the end ----------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """The session ends; its containers have."""
        tasks = [*self._compacting, *filter(None, [self._periodic])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for container in list(self._mounted):
            await self.leave(container)
        await self._service.close()
        await asyncio.to_thread(self._places.close)
        self._deltas.close()
        await sweep(self._data_dir, self._ground.storage)
        await asyncio.to_thread(self._deltas.tidy)

    async def _compact(self, volume: str) -> None:
        with contextlib.suppress(Exception):  # it is only about speed, and the next commit tries again
            await self._service.versions.compact(volume)
