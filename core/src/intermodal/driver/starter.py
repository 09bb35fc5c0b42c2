"""How a session's containers come to be: their image is built, their GPUs are taken, their mounts prepared, and then
they are launched."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from intermodal.driver import needs, terminals
from intermodal.driver.boot import Trees, boot_frame, container_spec, sandbox_container
from intermodal.driver.buckets.attaching import attach, launch_attached
from intermodal.driver.images import Images
from intermodal.driver.leases import Leases
from intermodal.driver.mounts import Mounts, Prepared
from intermodal.driver.pools import Pool
from intermodal.driver.sandboxes.box import Box
from intermodal.driver.unclaimed import discard, to_the_end
from intermodal.exception import CapabilityNotSupported
from intermodal.plugins import PluginHost
from intermodal.plugins.commands import GUEST_PATH
from intermodal.plugins.prewarm import Prewarmed, Prewarmer
from intermodal.plugins.roles import Blobs, BuiltImage, Container, GpuLease, OutputSink, SnapshotContainer
from intermodal.specs import ContainerSpec, FunctionSpec, GpuChoice, ImageSpec, ResourceTotals, SandboxSpec
from intermodal.storage.data_dir import using

__all__ = ["Given", "Started", "Starter"]


@dataclass(frozen=True)
class Given:
    """What a session has for its containers. `secrets` are values by the names that `FunctionSpec.secrets` has."""

    session: str
    data_dir: Path
    blobs: Blobs
    trees: Trees
    guest: Path
    secrets: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Started:
    """A container, and the kind of GPU that it got."""

    container: Container
    gpu: str | None


class Starter:
    """Asks the backend's builder, allocator and launcher, in that order. On the driver's loop.

    Whatever is raised, and when a start is cancelled, nothing of what was begun is left. `background` runs what has
    to be done after that.
    """

    def __init__(
        self,
        host: PluginHost,
        given: Given,
        images: Images,
        leases: Leases,
        mounts: Mounts,
        background: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._host, self._given, self._images, self._background = host, given, images, background
        self._gpus, self._mounts = leases, mounts
        self._launcher = host.launcher()
        self._spares = itertools.count(1)
        self.passes_fds = "fd_passing" in host.capabilities().supported
        self.prewarms = isinstance(self._launcher, Prewarmer)

    async def totals(self) -> ResourceTotals:
        """What the backend has."""
        return await self._launcher.totals()

    # ---- images -----------------------------------------------------------------------------------------------------

    def grant(self, secrets: Mapping[str, Mapping[str, str]]) -> None:
        """Values that builds may need."""
        self._images.grant(secrets)

    async def build(self, image: ImageSpec, secrets: Mapping[str, Mapping[str, str]]) -> BuiltImage:
        """Build an image that no function may need. Raises `ImageBuildError`, `CapabilityNotSupported`."""
        needs.check_image(image, self._host.require)
        self.grant(secrets)
        with using(self._given.data_dir):
            return await self._images.built(image)

    async def ready_image(self, function: FunctionSpec) -> None:
        """Have the image of a function, that its first container need not wait. Raises `ImageBuildError`,
        `CapabilityNotSupported`."""
        needs.check_function(function, self._host.require)
        with using(self._given.data_dir):
            await self._images.built(function.image, function.name)

    async def snapshot(self, container: Container, image: ImageSpec) -> str:
        """Keep what a container's filesystem is now; the id of that image. Raises `CapabilityNotSupported`."""
        if not isinstance(container, SnapshotContainer):
            backend = str(self._host.config.get("backend"))
            raise CapabilityNotSupported("sandbox.snapshot", backend, "it cannot keep the files of a running container")
        with using(self._given.data_dir):
            kept = await container.snapshot(await self._images.built(image))
            await self._images.snapshot(kept)
        return kept

    # ---- functions --------------------------------------------------------------------------------------------------

    async def start(self, id: str, pool: Pool, gpu: GpuChoice | None, output: OutputSink) -> Started:
        """A container of `pool`, on the GPUs that the engine has chosen; `left` follows at its end."""
        function = pool.function
        with using(self._given.data_dir):
            image = await self._images.built(function.image, function.name, pool=pool.id)
            lease = None if gpu is None else await self._gpus.take(gpu)
            try:
                container = await self._gpus.handed_to(self._launch(id, pool, image, lease, output), lease)
            except BaseException:
                if function.volumes or function.buckets:
                    self._background(self.left(id))
                raise
            self._mounts.launched(id, container)
            return Started(container, None if lease is None else lease.devices[0].kind)

    async def _launch(
        self, id: str, pool: Pool, image: BuiltImage, lease: GpuLease | None, output: OutputSink
    ) -> Container:
        function = pool.function
        mounts = await self._mounts.prepare(id, function.volumes, function.buckets, self._given.secrets)
        spec = replace(await self._spec(id, pool, image, lease), volumes=mounts.volumes)
        boot = await boot_frame(id, pool, self._given.blobs, shared_memory=self.passes_fds, secrets=self._given.secrets)
        if mounts.buckets:
            return await launch_attached(self._launcher, spec, image, lease, boot, output, mounts.buckets)
        return await self._launcher.launch(spec, image, lease, boot, output)

    async def left(self, container: str) -> None:
        """It has ended, or did not start: what it wrote to volumes and buckets lasts. Never raises."""
        await self._mounts.leave(container)

    async def spare(self, pool: Pool) -> Prewarmed:
        """A container for whichever launch of `pool` comes next. Only where the backend `prewarms`."""
        assert isinstance(self._launcher, Prewarmer)
        image = await self._images.built(pool.function.image, pool.function.name)
        spec = await self._spec(f"c-{self._given.session}-spare-{next(self._spares)}", pool, image, None)
        return await self._launcher.prewarm(spec, image)

    async def shell(self, pool: Pool, argv: Sequence[str]) -> int:
        """Run `argv` on this process's terminal in a new container like those of `pool`; its exit code.

        Raises `LaunchBusy` where none of the GPU choices is free, `CapabilityNotSupported`, and what building and
        launching raise.
        """
        function = pool.function
        self._host.require("exec")
        needs.check_function(function, self._host.require)
        image = await self._images.built(function.image, function.name)
        lease = await self._gpus.at_once(function.resources.gpu)
        id = f"c-{self._given.session}-shell"
        try:
            container = await self._gpus.handed_to(self._launch_shell(id, pool, image, lease), lease)
            try:
                return await terminals.run(
                    lambda env, size: container.exec(argv, env=env, pty=size is not None, size=size or (24, 80))
                )
            finally:
                await container.kill()
                await container.wait()
        finally:
            await self.left(id)

    async def _launch_shell(self, id: str, pool: Pool, image: BuiltImage, lease: GpuLease | None) -> Container:
        spec = await self._spec(id, pool, image, lease)
        # A program of the user's choice is no guest: it must find by itself what the guest puts on `sys.path`.
        path = ":".join([GUEST_PATH, *spec.python_path])
        function = pool.function
        mounts = await self._mounts.prepare(id, function.volumes, function.buckets, self._given.secrets)
        spec = replace(spec, env=(("PYTHONPATH", path), *spec.env))
        return await self._bare(spec, image, lease, mounts, terminals.show)

    # ---- sandboxes --------------------------------------------------------------------------------------------------

    def check_sandbox(self, spec: SandboxSpec) -> None:
        """Raises `CapabilityNotSupported`."""
        needs.check_sandbox(spec, self._host.require)

    async def bare(self, box: Box, output: OutputSink) -> Container:
        """A container with nothing in it but its volumes and buckets; `left` follows at its end."""
        spec = box.spec
        with using(self._given.data_dir):
            image = await self._images.built(spec.image, box.id, pool=box.id)
            lease = await self._gpus.at_once(spec.resources.gpu)
            try:
                return await self._gpus.handed_to(self._launch_sandbox(box, image, lease, output), lease)
            except BaseException:
                await to_the_end(self.left(box.id))  # it may be tried again under the same id
                raise

    async def _launch_sandbox(
        self, box: Box, image: BuiltImage, lease: GpuLease | None, output: OutputSink
    ) -> Container:
        given, spec = self._given, box.spec
        asked = await sandbox_container(box.id, spec, image, lease, box.env, trees=given.trees, guest=given.guest)
        checked = self._checked(asked)
        mounts = await self._mounts.prepare(box.id, spec.volumes, spec.buckets, box.keys)
        return await self._bare(checked, image, lease, mounts, output)

    async def reload(self, container: str) -> None:
        """Show the heads of all volumes of a container. Raises `RequestError`."""
        await self._mounts.reload(container)

    # ---- what these share -------------------------------------------------------------------------------------------

    async def _bare(
        self, spec: ContainerSpec, image: BuiltImage, lease: GpuLease | None, mounts: Prepared, output: OutputSink
    ) -> Container:
        container = await self._launcher.bare(replace(spec, volumes=mounts.volumes), image, lease, output)
        container.stream.close()
        self._mounts.launched(spec.id, container)
        try:
            await attach(container, mounts.buckets)
        except BaseException:
            await discard(container)
            raise
        return container

    async def _spec(self, id: str, pool: Pool, image: BuiltImage, lease: GpuLease | None) -> ContainerSpec:
        given = self._given
        spec = await container_spec(id, pool, image, lease, trees=given.trees, guest=given.guest, secrets=given.secrets)
        return self._checked(spec)

    def _checked(self, spec: ContainerSpec) -> ContainerSpec:
        """As plugins want it, and the backend can have it."""
        spec = self._host.modify_container_spec(spec)
        needs.check_container(spec.resources, spec.network, spec.snapshot is not None, self._host.require)
        return spec
