"""Containers that run commit nothing by themselves, however long they go on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from intermodal.driver.volumes.session import SessionVolumes
from mutants.planting import instead_of


@instead_of("_commit_by_and_by", SessionVolumes)
async def commit_by_and_by(original: Callable[..., Any], volumes: SessionVolumes) -> None:
    await asyncio.Event().wait()
