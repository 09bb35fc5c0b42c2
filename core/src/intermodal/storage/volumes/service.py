"""Answers the requests `volume.*` that need no container: names, and files from outside (volume.client)."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from intermodal.plugins import Blobs, Storage
from intermodal.storage.blobs import check_id
from intermodal.storage.bulk import put_all
from intermodal.storage.state.requests import Params, Reply, RequestError, invalid
from intermodal.storage.volumes import editing
from intermodal.storage.volumes.catalog import Catalog
from intermodal.storage.volumes.entries import Changes, Directory, Entry, File, Link
from intermodal.storage.volumes.paths import normal
from intermodal.storage.volumes.publishing import Known
from intermodal.storage.volumes.stack import Stack
from intermodal.storage.volumes.versions import Versions

__all__ = ["VolumeService"]

_PIECE = 8 << 20
_KINDS: Mapping[type, str] = {File: "file", Directory: "directory", Link: "link"}


class VolumeService:
    """Volumes for one engine, or for a process without one. On one event loop.

    Args:
        blobs: gives local files of what the storage has; used on threads.
        session: whose ephemeral volumes are those made here.
        hold: makes the session known to live, before it has its first ephemeral volume; called on a thread.
    """

    def __init__(self, storage: Storage, blobs: Blobs, session: str, hold: Callable[[], None]) -> None:
        self.versions = Versions(storage)
        self.catalog = Catalog(storage)
        self._storage, self._blobs, self._session, self._hold = storage, blobs, session, hold
        self._ephemeral: set[str] = set()
        self._methods: dict[str, Callable[[Params, Sequence[bytes], bool], Awaitable[Reply]]] = {
            "volume.create": self._create,
            "volume.names": self._names,
            "volume.rename": self._rename,
            "volume.delete": self._delete,
            "volume.close": self._close,
            "volume.head": self._newest,
            "volume.list": self._list,
            "volume.read": self._read,
            "volume.stage": self._stage,
            "volume.put": self._put,
            "volume.remove": self._remove,
            "volume.copy": self._copy,
        }

    async def handle(
        self, method: str, params: Mapping[str, Any], segments: Sequence[bytes] = (), *, trusted: bool
    ) -> Reply:
        """Answer one request.

        Args:
            method, params, segments: as the client sent them.
            trusted: the client is this process, which may name files of this machine.

        Raises:
            RequestError: refused; its `error` names a builtin error or a class of `intermodal.exception`.
        """
        handler = self._methods.get(method)
        if handler is None:
            invalid(f"there is no request {method!r:.100}")
        try:
            return await handler(Params(method, params), segments, trusted)
        except OSError as error:
            raise RequestError(type(error).__name__, f"{error.strerror}: {error.filename}") from error

    async def close(self) -> None:
        """The ephemeral volumes made here end."""
        ending, self._ephemeral = self._ephemeral, set()
        await self._end(ending)

    async def _end(self, volumes: Collection[str]) -> None:
        for volume in volumes:
            await self.versions.remove(volume)
        if volumes:
            await self.catalog.end_ephemeral(volumes)

    # ---- names ------------------------------------------------------------------------------------------------------

    async def named(self, name: str, environment: str, *, create: bool) -> str:
        """The id of a named volume. Raises `NotFoundError` where there is none and none is to be made."""
        if not create:
            return await self.catalog.find(name, environment)
        volume = await self.catalog.find_or_make(name, environment)
        await self.versions.make(volume)
        return volume

    async def _create(self, params: Params, segments: Sequence[bytes], trusted: bool) -> Reply:
        name, environment = params.name(), params.environment()
        create = params.flag("create_if_missing")
        if name is not None:
            return Reply({"id": await self.named(name, environment, create=create)})
        await asyncio.to_thread(self._hold)
        volume = await self.catalog.make_ephemeral(self._session)
        self._ephemeral.add(volume)
        await self.versions.make(volume)
        return Reply({"id": volume})

    async def _names(self, params: Params, segments: Sequence[bytes], trusted: bool) -> Reply:
        found = await self.catalog.names(params.environment())
        return Reply([[info.name, info.id, info.created] for info in found])

    async def _rename(self, params: Params, segments: Sequence[bytes], trusted: bool) -> Reply:
        await self.catalog.rename(params.text("old"), params.text("new"), params.environment())
        return Reply()

    async def _delete(self, params: Params, segments: Sequence[bytes], trusted: bool) -> Reply:
        await self.versions.remove(await self.catalog.remove(params.text("name"), params.environment()))
        return Reply()

    async def _close(self, params: Params, segments: Sequence[bytes], trusted: bool) -> Reply:
        volume = params.id("vo-")
        if volume in self._ephemeral:
            self._ephemeral.remove(volume)
            await self._end([volume])
        return Reply()

    # ---- files ------------------------------------------------------------------------------------------------------

    async def _newest(self, params: Params, segments: Sequence[bytes], trusted: bool) -> Reply:
        """The number of its newest version, and when that was committed, in Unix seconds."""
        head = await self.versions.head(params.id("vo-"))
        return Reply({"number": head.number, "created": head.created})

    async def _list(self, params: Params, segments: Sequence[bytes], trusted: bool) -> Reply:
        stack = await self._head(params.id("vo-"))
        path, recursive = normal(params.text("path")), params.flag("recursive")
        entries = await asyncio.to_thread(editing.listed, stack, path, recursive=recursive)
        return Reply([_described(path, entry) for path, entry in entries])

    async def _read(self, params: Params, segments: Sequence[bytes], trusted: bool) -> Reply:
        """A piece of a file. The answer names the version, so that the next piece is asked of the same one."""
        volume, name = params.id("vo-"), params.optional("version")
        if name is None:
            version, name = await self.versions.named_head(volume)
        else:
            version = await self.versions.read(check_id(name))
        file = editing.file_at(await self.versions.stack(version), normal(params.text("path")))
        piece = await asyncio.to_thread(_piece, self._blobs, file.blob, params.count("offset", 0))
        return Reply({"size": file.size, "version": name}, (piece,))

    async def _stage(self, params: Params, segments: Sequence[bytes], trusted: bool) -> Reply:
        """Store contents that a `put` will name: those sent, or files of this machine."""
        files = params.texts("files")
        if files and not trusted:
            invalid("only a client in the engine's own process names files of its machine: send their content")
        contents: list[bytes | Path] = [Path(file) for file in files] if files else list(segments)
        return Reply(await put_all(self._storage, contents))

    async def _put(self, params: Params, segments: Sequence[bytes], trusted: bool) -> Reply:
        volume, force = params.id("vo-"), params.flag("force")
        entries = {normal(path): _entry(*rest) for path, *rest in params.rows("entries")}
        if not trusted:
            await self._check_sent(entries.values())
        return await self._edit(volume, lambda stack: editing.put(stack, entries, force=force))

    async def _check_sent(self, entries: Iterable[Entry]) -> None:
        for blob in {entry.blob for entry in entries if isinstance(entry, File)}:
            if not await self._storage.has(blob):
                invalid(f"the content {blob} was not sent before the file that has it")

    async def _remove(self, params: Params, segments: Sequence[bytes], trusted: bool) -> Reply:
        path, recursive = normal(params.text("path")), params.flag("recursive")
        return await self._edit(params.id("vo-"), lambda stack: editing.removed(stack, path, recursive=recursive))

    async def _copy(self, params: Params, segments: Sequence[bytes], trusted: bool) -> Reply:
        sources, target = [normal(path) for path in params.texts("sources")], normal(params.text("target"))
        recursive = params.flag("recursive")
        return await self._edit(
            params.id("vo-"), lambda stack: editing.copied(stack, sources, target, recursive=recursive)
        )

    async def _edit(self, volume: str, change: Callable[[Stack], Changes]) -> Reply:
        stack = await self._head(volume)
        changes = await asyncio.to_thread(change, stack)
        commit = await self.versions.commit(volume, Known(stack), changes)
        await self.versions.compact(volume)
        return Reply({"number": commit.version.number})

    async def _head(self, volume: str) -> Stack:
        return await self.versions.stack(await self.versions.head(volume))


def _piece(blobs: Blobs, blob: str, offset: int) -> bytes:
    with blobs.path(blob).open("rb") as file:
        file.seek(offset)
        return file.read(_PIECE)


def _described(path: str, entry: Entry) -> list[Any]:
    size = entry.size if isinstance(entry, File) else 0
    mode = 0o777 if isinstance(entry, Link) else entry.mode
    return [path, _KINDS[type(entry)], size, mode, entry.mtime]


def _entry(kind: str, *rest: Any) -> Entry:
    """An entry as a client describes it. Raises `TypeError`, `ValueError`."""
    if kind == "file":
        blob, size, mode, mtime = rest
        return File(check_id(blob), int(size), int(mode) & 0o7777, int(mtime))
    if kind == "directory":
        mode, mtime = rest
        return Directory(int(mode) & 0o7777, int(mtime))
    (target, mtime) = rest
    if kind != "link" or not isinstance(target, str) or not target or "\0" in target:
        raise ValueError(f"{kind!r:.50} is no kind of file")
    return Link(os.fsdecode(os.fsencode(target)), int(mtime))
