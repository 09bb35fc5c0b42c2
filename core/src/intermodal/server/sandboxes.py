"""The sandboxes of all sessions of a server."""

from __future__ import annotations

import asyncio

from intermodal.driver.sandboxes import SandboxView
from intermodal.exception import NotFoundError
from intermodal.server.hosting import Hosting

__all__ = ["SandboxView", "sandboxes", "terminate"]


async def sandboxes(hosting: Hosting, environment: str) -> list[SandboxView]:
    """Those in an environment, the newest first; those that have ended, too, while what made them runs. On the server's
    loop."""
    found = await asyncio.gather(*(session.sandboxes() for session in hosting.sessions(environment)))
    return sorted((each for views in found for each in views), key=lambda each: each.created, reverse=True)


async def terminate(hosting: Hosting, environment: str, sandbox: str) -> None:
    """End one, without waiting for that. Raises `NotFoundError`: there is none in this environment, or it has ended."""
    for session in hosting.sessions(environment):
        for each in await session.sandboxes():
            if each.id == sandbox and not each.ended:
                session.client.request("sandbox.terminate", {"id": sandbox})
                return
    raise NotFoundError(f"no sandbox {sandbox!r:.80} runs in the environment {environment!r}")
