"""What a container wrote to a volume since its last commit goes with it when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from intermodal.driver.volumes.mounted import Mounted
from intermodal.storage.removing import remove_tree
from mutants.planting import instead_of


@instead_of("leave", Mounted)
async def leave(original: Callable[..., Any], mounted: Mounted) -> None:
    await asyncio.to_thread(remove_tree, mounted.stage.directory)
