"""Functions of an app as they are now: what waits, what runs, and in how many containers."""

from __future__ import annotations

from intermodal.dashboard.pages import Ask
from intermodal.exception import NotFoundError
from intermodal.server.loads import Load
from intermodal.server.loads import loads as loads_of
from intermodal.specs import FunctionSpec

__all__ = ["Load", "functions_of", "loads"]


async def loads(ask: Ask, app: str) -> tuple[dict[str, Load], dict[str, FunctionSpec]]:
    """See `server.loads`."""
    return await loads_of(ask.overview.hosting, ask.environment, app)


async def functions_of(ask: Ask, app: str) -> dict[str, FunctionSpec]:
    """Those of the live version by name; {} where none is live."""
    try:
        package = await ask.overview.deployments.package_of(ask.environment, app)
    except NotFoundError:
        return {}
    return {function.name: function for function in package.app.functions}
