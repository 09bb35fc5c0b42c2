"""Volumes and their files, as the newest version has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from starlette.responses import StreamingResponse

from intermodal.dashboard.named import matching, part_of, request
from intermodal.dashboard.pages import Ask, Page, Shown
from intermodal.exception import NotFoundError

__all__ = ["DOWNLOAD", "FILES", "PAGE"]

_FILES = 200
#: Files are strangers': a browser shall keep them, and neither show nor run what is in them.
_KEPT_ONLY = {"X-Download-Options": "noopen", "Accept-Ranges": "none"}


async def _show(ask: Ask) -> Shown:
    search = matching(ask)
    found = (await request(ask, "volume.names", environment="")).value
    rows, page = part_of(ask, [row for row in found if search in row[0]])
    volumes = [
        {"name": name, "created": created, "head": (await request(ask, "volume.head", id=id)).value}
        for name, id, created in rows
    ]
    return {"volumes": volumes, "page": page, "search": search}


async def _show_files(ask: Ask) -> Shown:
    name, path = ask.path["name"], ask.query.get("path", "").strip("/")
    id = await _id(ask, name)
    entries = [_Entry(*row) for row in await _listed(ask, name, id, path)]
    if [entry.path for entry in entries] == [path] and entries[0].kind != "directory":
        raise NotFoundError(f"{path!r} in the volume {name!r} is no directory")
    entries.sort(key=lambda entry: (entry.kind != "directory", entry.name))
    shown, page = part_of(ask, entries, _FILES)
    parts = path.split("/") if path else []
    above = [(part, "/".join(parts[: place + 1])) for place, part in enumerate(parts)]
    head = (await request(ask, "volume.head", id=id)).value
    return {"name": name, "path": path, "above": above, "entries": shown, "page": page, "head": head}


async def _download(ask: Ask) -> Shown:
    name, path = ask.path["name"], ask.query.get("path", "")
    id = await _id(ask, name)
    first, size, version = await _piece(ask, name, path, id, 0, None)
    headers = {"Content-Disposition": _as_attachment(path), "Content-Length": str(size), **_KEPT_ONLY}
    pieces = _pieces(ask, name, path, id, first, size, version)
    return StreamingResponse(pieces, media_type="application/octet-stream", headers=headers)


class _Entry:
    """What is in a directory."""

    def __init__(self, path: str, kind: str, size: int, mode: int, mtime: int) -> None:
        self.path = path
        self.name = path.rpartition("/")[2]
        self.kind = kind
        self.size = size
        self.changed = mtime / 1e9


async def _id(ask: Ask, name: str) -> str:
    found = await request(ask, "volume.create", name=name, environment="", create_if_missing=False)
    return str(found.value["id"])


async def _listed(ask: Ask, name: str, id: str, path: str) -> Any:
    try:
        return (await request(ask, "volume.list", id=id, path=path)).value
    except (FileNotFoundError, NotADirectoryError):
        raise NotFoundError(f"there is no {path!r} in the volume {name!r}") from None


async def _piece(
    ask: Ask, name: str, path: str, id: str, offset: int, version: str | None
) -> tuple[bytes, int, str | None]:
    """A piece of a file, the size of the whole, and the version that it is of."""
    try:
        reply = await request(ask, "volume.read", id=id, path=path, offset=offset, version=version)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise NotFoundError(f"there is no file {path!r} in the volume {name!r}") from None
    return bytes(reply.segments[0]), int(reply.value["size"]), reply.value["version"]


async def _pieces(
    ask: Ask, name: str, path: str, id: str, first: bytes, size: int, version: str | None
) -> AsyncIterator[bytes]:
    piece, offset = first, len(first)
    yield piece
    while offset < size and piece:
        piece, _, _ = await _piece(ask, name, path, id, offset, version)
        offset += len(piece)
        yield piece


def _as_attachment(path: str) -> str:
    """With the file's own name, in a form that no name can leave (RFC 6266, RFC 8187)."""
    name = path.rpartition("/")[2].encode("utf-8", "replace").decode()
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


PAGE = Page("volumes", "volumes.html", _show, title="Volumes", icon="volume")
FILES = Page("volumes/{name}", "files.html", _show_files, section="volumes", every_s=10.0)
DOWNLOAD = Page("volumes/{name}/file", "files.html", _download, section="volumes", every_s=0.0)
