"""Images of a session: each is built once, when the first container needs it, and everybody who needs it waits
together."""

from __future__ import annotations

import asyncio
import functools
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

from intermodal.client.hiding import Hiding
from intermodal.driver.observing import Observing
from intermodal.driver.step_gpus import BuildGpus
from intermodal.exception import CapabilityNotSupported, ImageBuildError, NotFoundError, ResourceExhaustedError
from intermodal.plugins.observations import ImageFinished, ImageOutput, ImageStarted, ImageStep
from intermodal.plugins.roles import Blobs, Builder, BuildGrants, BuiltImage, GrantedBuilder, SnapshotBuilder
from intermodal.specs import ImageSpec, SetEnv, SetWorkdir, content_hash

__all__ = ["Images"]


class _Sink:
    """Build progress, from whatever thread the builder uses, to observers."""

    def __init__(self, image: str, loop: asyncio.AbstractEventLoop, observing: Observing, hiding: Hiding) -> None:
        self._image, self._loop, self._observing, self._hiding = image, loop, observing, hiding

    def step(self, number: int, total: int, title: str, *, cached: bool) -> None:
        record = ImageStep(image=self._image, number=number, total=total, title=title, cached=cached)
        self._post(lambda: self._observing.add("image_step", record))

    def output(self, number: int, line: str) -> None:
        record = ImageOutput(image=self._image, number=number, line=self._hiding.hide(line))
        self._post(lambda: self._observing.add("image_output", record))

    def _post(self, add: Callable[[], None]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(add)


class Images:
    """Built images by definition; a failed build is remembered for the session. `secrets` are values by the names that
    the definitions have (secret.*)."""

    def __init__(
        self,
        builder: Builder,
        blobs: Blobs,
        observing: Observing,
        secrets: Mapping[str, Mapping[str, str]],
        gpus: BuildGpus,
    ) -> None:
        self._builder, self._blobs, self._observing, self._secrets = builder, blobs, observing, secrets
        self._gpus = gpus
        self._waiting: dict[ImageSpec, Counter[str]] = {}
        self._snapshots: dict[str, BuiltImage] = {}
        self._built: dict[ImageSpec, asyncio.Task[BuiltImage]] = {}

    def grant(self, secrets: Mapping[str, Mapping[str, str]]) -> None:
        """Know of more secrets; a name's newer values hold."""
        self._secrets = {**self._secrets, **secrets}

    async def built(self, image: ImageSpec, *functions: str, pool: str = "") -> BuiltImage:
        """The launchable image. `functions` are for whom, and `pool`, or the sandbox of this name, waits for it.

        Raises `ImageBuildError`, `CapabilityNotSupported`, `ResourceExhaustedError`.
        """
        if image.snapshot is not None:
            return await self._of_snapshot(image, image.snapshot)
        waiting = self._waiting.setdefault(image, Counter())
        task = self._built.get(image)
        if task is None:
            task = self._built[image] = asyncio.get_running_loop().create_task(self._build(image, functions, waiting))
            task.add_done_callback(functools.partial(self._forget_exhausted, image))
        waiting[pool] += 1
        try:
            return await asyncio.shield(task)
        finally:
            waiting[pool] -= 1
            if not waiting[pool]:
                del waiting[pool]

    def _forget_exhausted(self, image: ImageSpec, task: asyncio.Task[BuiltImage]) -> None:
        """There may be room next time."""
        failed = not task.cancelled() and isinstance(task.exception(), ResourceExhaustedError)
        if failed and self._built.get(image) is task:
            del self._built[image]

    async def snapshot(self, id: str) -> BuiltImage:
        """A sandbox's filesystem, which is in use from now on. Raises `NotFoundError`."""
        found = self._snapshots.get(id)
        if found is None and isinstance(self._builder, SnapshotBuilder):
            found = await self._builder.find_snapshot(id)
        if found is None:
            raise NotFoundError(
                f"there is no snapshot {id!r:.80} here: Image.from_id() takes the object_id of what "
                "snapshot_filesystem() gave, with the same backend and data directory; `intermodal image prune` may "
                "have removed it"
            )
        self._snapshots[id] = found
        return found

    async def _of_snapshot(self, image: ImageSpec, snapshot: str) -> BuiltImage:
        found = await self.snapshot(snapshot)
        if not image.steps:
            return found
        if any(not isinstance(step, (SetEnv, SetWorkdir)) for step in image.steps):
            raise CapabilityNotSupported(
                "image.snapshot-steps",
                hint="of steps, an image of snapshot_filesystem() takes env() and workdir() only",
            )
        moved = any(isinstance(step, SetWorkdir) for step in image.steps)
        env = {**dict(found.env), **image.env()}
        return replace(
            found, id=content_hash(image), env=tuple(env.items()), workdir=image.workdir() if moved else found.workdir
        )

    async def _build(self, image: ImageSpec, functions: tuple[str, ...], waiting: Counter[str]) -> BuiltImage:
        name, began = content_hash(image), time.monotonic()
        self._observing.add("image_started", ImageStarted(image=name, at=time.time(), functions=functions))
        error: str | None = None
        granted = {secret: self._secrets[secret] for secret in image.secrets()}
        hiding = Hiding(value for values in granted.values() for value in values.values())
        try:
            sink = _Sink(name, asyncio.get_running_loop(), self._observing, hiding)
            gpus = self._gpus.of(waiting, sink.output) if image.gpus() else None
            if not granted and gpus is None:
                return await self._builder.build(image, self._blobs, sink)
            try:
                builder = cast(GrantedBuilder, self._builder)
                return await builder.build(image, self._blobs, sink, BuildGrants(secrets=granted, gpus=gpus))
            except ImageBuildError as failure:
                raise ImageBuildError(hiding.hide(str(failure))) from None
        except BaseException as raised:
            error = str(raised) or type(raised).__name__
            raise
        finally:
            seconds = time.monotonic() - began
            finished = ImageFinished(image=name, at=time.time(), seconds=seconds, error=error)
            self._observing.add("image_finished", finished)

    async def close(self) -> None:
        """Cancel what is being built."""
        for task in self._built.values():
            task.cancel()
        await asyncio.gather(*self._built.values(), return_exceptions=True)
