"""The dashboard's files for browsers, under names that change with what is in them, so that they are kept for long."""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from intermodal.dashboard.pages import ROOT

__all__ = ["Assets"]

_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_STATIC = Path(__file__).parent / "static"


class Assets:
    """All files of `static/`, read once."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._files: dict[str, tuple[bytes, str]] = {}
        for path in sorted(_STATIC.iterdir()):
            content = path.read_bytes()
            name = f"{path.stem}.{hashlib.sha256(content).hexdigest()[:12]}{path.suffix}"
            self._names[path.name] = name
            self._files[name] = content, _TYPES[path.suffix]

    def url(self, name: str) -> str:
        """Where a file is."""
        return f"{ROOT}/static/{self._names[name]}"

    def route(self) -> Route:
        """Nobody needs to log in for them."""
        return Route("/static/{name}", self._answer)

    async def _answer(self, request: Request) -> Response:
        found = self._files.get(request.path_params["name"])
        if found is None:
            return Response("there is no such file\n", 404, media_type="text/plain")
        content, kind = found
        return Response(content, media_type=kind, headers={"Cache-Control": "public, max-age=31536000, immutable"})
