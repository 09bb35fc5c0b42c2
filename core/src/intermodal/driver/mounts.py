"""What a container sees besides its image: volumes and buckets, from before its start until after its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from intermodal.driver.buckets.session import SessionBuckets
from intermodal.driver.volumes.session import SessionVolumes
from intermodal.plugins import Container
from intermodal.specs import BucketSpec, SharedMount, VolumeMount, VolumeSpec

__all__ = ["Mounts", "Prepared"]


@dataclass(frozen=True)
class Prepared:
    """`volumes` belong into the container's spec; `buckets` are attached to it when it runs."""

    volumes: tuple[VolumeMount, ...]
    buckets: tuple[SharedMount, ...]


class Mounts:
    """Those of all containers of a session, by their ids. On the driver's loop."""

    def __init__(self, volumes: SessionVolumes, buckets: SessionBuckets) -> None:
        self._volumes, self._buckets = volumes, buckets

    async def prepare(
        self,
        container: str,
        volumes: Sequence[VolumeSpec],
        buckets: Sequence[BucketSpec],
        secrets: Mapping[str, Mapping[str, str]],
    ) -> Prepared:
        """For a container that is about to start; `leave` follows in any case. `secrets` are values by the names that
        `buckets` have.

        Raises what `SessionVolumes.prepare` and `SessionBuckets.prepare` do.
        """
        return Prepared(
            await self._volumes.prepare(container, volumes), await self._buckets.prepare(container, buckets, secrets)
        )

    def launched(self, name: str, container: Container) -> None:
        """A container that was prepared runs."""
        self._volumes.launched(name, container)

    async def reload(self, container: str) -> None:
        """Show the heads of all its volumes. Raises `RequestError`."""
        await self._volumes.reload_all(container)

    async def leave(self, container: str) -> None:
        """The container has ended, or did not start: what it wrote is committed, and written to its buckets. Never
        raises."""
        await self._volumes.leave(container)
        await self._buckets.leave(container)
