"""`Volume`: a directory that outlives containers, with commits that are whole or not there (volume.*)."""

from __future__ import annotations

import builtins
from collections.abc import AsyncGenerator, Sequence
from typing import ClassVar

from intermodal.client.checking import checked_class
from intermodal.client.context import in_container
from intermodal.client.control_plane import control_plane
from intermodal.client.dual import dual, dual_classmethod, dual_stream
from intermodal.definitions.naming import check_name
from intermodal.definitions.objects import Ephemeral, StateObject
from intermodal.definitions.spellings import older
from intermodal.definitions.uploads import BatchUpload
from intermodal.definitions.volume_files import VolumeEntry, VolumeInfo, entry_of
from intermodal.exception import InvalidError
from intermodal.specs import VolumeSpec

__all__ = ["Volume"]


@checked_class
class Volume(StateObject):
    """A named directory. Give it to functions as `volumes={"/data": volume}`; read and write it from outside with its
    methods, which need no app that runs. A handle can be an argument."""

    kind: ClassVar[str] = "volume"
    #: containers cannot write where it is mounted
    is_read_only: bool = False

    @classmethod
    def from_name(
        cls,
        name: str,
        *,
        environment_name: str | None = None,
        create_if_missing: bool = False,
        version: int | None = None,
    ) -> Volume:
        """The volume of this name, looked up at its first use (`NotFoundError` then, unless it is to be created).

        Args:
            version: accepted for programs that name one; all volumes are alike here.
        """
        return cls._named(name, environment_name, create_if_missing)

    @classmethod
    def lookup(cls, name: str, *, environment_name: str | None = None, create_if_missing: bool = False) -> Volume:
        """Older spelling of `from_name`."""
        older("Volume.lookup()", "Volume.from_name()")
        return cls.from_name(name, environment_name=environment_name, create_if_missing=create_if_missing)

    @classmethod
    def ephemeral(cls) -> Ephemeral[Volume]:
        """A volume without a name that lasts for a block: `with Volume.ephemeral() as v:`, or `async with`."""
        return Ephemeral(cls)

    def read_only(self) -> Volume:
        """The same volume, for `volumes=`: where it is mounted nothing can be written."""
        twin = type(self)(
            self._name,
            object_id=self._fixed_id,
            environment=self._environment,
            create_if_missing=self._create_if_missing,
        )
        twin.is_read_only = True
        return twin

    @property
    def identity(self) -> tuple[str | None, str | None, str | None]:
        """Equal for two handles that are known to mean the same volume."""
        return self._fixed_id, self._name, self._environment

    def mounted(self, path: str) -> VolumeSpec:
        """The spec of this volume mounted at `path`."""
        return VolumeSpec(
            target=path,
            id=self._fixed_id,
            name=self._name or "",
            environment=self._environment or "",
            create=self._create_if_missing,
            read_only=self.is_read_only,
        )

    # ---- inside a container -----------------------------------------------------------------------------------------

    @dual
    async def commit(self) -> None:
        """Publish what this container has written: others see all of it or nothing (volume.commit).

        Raises:
            InvalidError: this code runs in no container that has the volume mounted.
            ResourceExhaustedError: no space; what was published before stays as it is.
        """
        self._inside("commit")
        await self._request("commit")

    @dual
    async def reload(self) -> None:
        """See what others have published; what this container has written is published first (volume.reload).

        Raises:
            RuntimeError: a process of this container has a file open in the volume, or its working directory; the
                message names it.
            InvalidError: this code runs in no container that has the volume mounted.
        """
        self._inside("reload")
        await self._request("reload")

    def _inside(self, what: str) -> None:
        if not in_container():
            raise InvalidError(
                f"Volume.{what}() is for code in a container that has the volume mounted; what batch_upload(), "
                "remove_file() and copy_files() do is published when they return"
            )

    # ---- from anywhere ----------------------------------------------------------------------------------------------

    @dual
    async def listdir(self, path: str = "/", *, recursive: bool = False) -> builtins.list[VolumeEntry]:
        """What is in a directory; a file is listed alone. Raises `FileNotFoundError` (volume.client)."""
        reply = await self._request("list", path=path, recursive=recursive)
        return [entry_of(row) for row in reply.value]

    @dual_stream
    async def iterdir(self, path: str = "/", *, recursive: bool = True) -> AsyncGenerator[VolumeEntry, None]:
        """The same one by one, by default with all that lies deeper."""
        for entry in await self.listdir.__wrapped__(path, recursive=recursive):
            yield entry

    @dual_stream
    async def read_file(self, path: str) -> AsyncGenerator[bytes, None]:
        """The bytes of a file in pieces, all of one version. Raises `FileNotFoundError`, `IsADirectoryError`."""
        offset, size, version = 0, 1, None
        while offset < size:
            reply = await self._request("read", path=path, offset=offset, version=version)
            size, version = reply.value["size"], reply.value["version"]
            piece = reply.segments[0]
            if not piece:
                return
            offset += len(piece)
            yield piece

    def batch_upload(self, force: bool = False) -> BatchUpload:
        """Upload files: `with volume.batch_upload() as batch: batch.put_file(...)`. They are published together when
        the block ends, and not at all where it fails.

        Args:
            force: overwrite files that are there; else `FileExistsError`.
        """
        return BatchUpload(self._request, force)

    @dual
    async def copy_files(self, src_paths: Sequence[str], dst_path: str, recursive: bool = False) -> None:
        """Copy within the volume, as `cp` does. Raises `FileNotFoundError`, `NotADirectoryError`."""
        await self._request("copy", sources=list(src_paths), target=dst_path, recursive=recursive)

    @dual
    async def remove_file(self, path: str, recursive: bool = False) -> None:
        """Remove a file, or with `recursive` a directory. Raises `FileNotFoundError`, `IsADirectoryError`."""
        await self._request("remove", path=path, recursive=recursive)

    @dual_classmethod
    async def rename(cls, old_name: str, new_name: str, *, environment_name: str | None = None) -> None:
        """Give a volume another name. Raises `NotFoundError`, `AlreadyExistsError`."""
        params = {"old": check_name("a volume", old_name), "new": check_name("a volume", new_name)}
        await control_plane().request("volume.rename", {**params, "environment": environment_name})

    @dual_classmethod
    async def list(cls, *, environment_name: str | None = None) -> builtins.list[VolumeInfo]:
        """The volumes of an environment, sorted by name."""
        reply = await control_plane().request("volume.names", {"environment": environment_name})
        return [VolumeInfo(*row) for row in reply.value]
