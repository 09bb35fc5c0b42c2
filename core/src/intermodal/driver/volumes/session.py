"""The volumes of one session: requests about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from intermodal.storage import Reply
from intermodal.storage.volumes import VolumeService

__all__ = ["SessionVolumes"]


class SessionVolumes:
    """What a session knows of volumes. On the driver's loop."""

    def __init__(self, service: VolumeService) -> None:
        self._service = service

    async def handle(self, method: str, params: Mapping[str, Any], segments: Sequence[bytes], *, owner: str) -> Reply:
        """Answer one request; `owner` is the container it comes from. Raises `RequestError`."""
        return await self._service.handle(method, params, segments, trusted=not owner)

    async def close(self) -> None:
        """The session ends, its containers have."""
        await self._service.close()
