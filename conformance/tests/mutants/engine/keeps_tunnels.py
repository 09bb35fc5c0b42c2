"""The tunnels of a sandbox that has ended still take connections."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from intermodal.driver.sandboxes.tunnels import Tunnels
from mutants.planting import instead_of


@instead_of("close", Tunnels)
async def close(original: Callable[..., Coroutine[Any, Any, None]], tunnels: Tunnels) -> None:
    pass
