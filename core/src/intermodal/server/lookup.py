"""What callers get to know of a deployed function (deploy.lookup)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from intermodal.server.deployments import Deployments

__all__ = ["looked_up"]


async def looked_up(deployments: Deployments, environment: str, params: dict[str, Any]) -> dict[str, Any]:
    """What is known of a function of a deployed app (deploy.lookup). Raises `NotFoundError`, which lists what there
    is."""
    package = await deployments.package_of(environment, str(params["app"]))
    function = package.function(str(params["function"]))
    # Web functions are generators to the engine only: who calls one is told what it is.
    methods = {method.name: method.is_generator and method.web is None for method in function.methods}
    return {"environment": environment, "class": function.is_class, "methods": methods}
