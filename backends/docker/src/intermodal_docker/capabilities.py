"""What both backends can do, as data."""

from __future__ import annotations

from intermodal.plugins import Capabilities

__all__ = ["capabilities"]

_LAUNCHER = (
    "exec",
    "fd_passing",
    "gpu",
    "isolation.filesystem",
    "isolation.network",
    "isolation.pid",
    "limits.cpu",
    "limits.memory",
    "limits.pids",
    "network.block",
)
_BUILDER = (
    "apt_install copy entrypoint from_registry from_scratch pip_install python_version run_commands run_function",
    "secrets",
)
_NO_SNAPSHOT = "an engine's containers are not forked from another one: leave enable_memory_snapshot away here"


def capabilities(backend: str) -> Capabilities:
    """The statement for `backend`, "docker" or "podman"."""
    return Capabilities(
        supported=frozenset(_LAUNCHER),
        notes={
            "snapshot": _NO_SNAPSHOT,
            **{f"image.{name}": "images come later" for name in " ".join(_BUILDER).split()},
        },
    )
