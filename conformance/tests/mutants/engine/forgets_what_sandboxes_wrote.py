"""What a sandbox wrote to its volumes goes with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from intermodal.driver.volumes.session import SessionVolumes
from intermodal.storage.removing import remove_tree
from mutants.planting import instead_of


@instead_of("leave", SessionVolumes)
async def leave(original: Callable[..., Coroutine[Any, Any, None]], volumes: SessionVolumes, container: str) -> None:
    if not container.startswith("sb-"):
        return await original(volumes, container)
    for mounted in volumes._mounted.pop(container, ()):
        await asyncio.to_thread(remove_tree, mounted.stage.directory)
