"""Checks that what a role hook returned keeps its Protocol."""

from __future__ import annotations

from typing import Any

from intermodal.exception import PluginError
from intermodal.plugins.capabilities import Role
from intermodal.plugins.roles import Builder, GpuAllocator, Launcher
from intermodal.plugins.storage_role import Storage

__all__ = ["ROLE_PROTOCOLS", "check_role"]

ROLE_PROTOCOLS: dict[Role, type[Any]] = {
    "builder": Builder,
    "launcher": Launcher,
    "gpus": GpuAllocator,
    "storage": Storage,
}


def check_role(role: Role, provider: str, value: Any) -> None:
    """Raises `PluginError` naming `provider` and every method that the role's Protocol has and `value` lacks."""
    protocol = ROLE_PROTOCOLS[role]
    missing = [name for name in _methods(protocol) if not callable(getattr(value, name, None))]
    if missing:
        raise PluginError(
            f"{provider}: intermodal_{role} returned a {type(value).__name__} that is no {protocol.__name__}: "
            f"it lacks {', '.join(name + '()' for name in missing)}. See intermodal.plugins.{protocol.__name__}"
        )


def _methods(protocol: type[Any]) -> list[str]:
    return [name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")]
