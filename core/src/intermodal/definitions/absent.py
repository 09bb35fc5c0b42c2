"""Names that programs for Modal may use and that are not here: what to do instead."""

from __future__ import annotations

__all__ = ["message"]

_INSTEAD = {
    "Mount": "files are part of the image: write image.add_local_dir() or image.add_local_file()",
    "NetworkFileSystem": "there is no NetworkFileSystem: use a Volume",
    "Proxy": "there is no Proxy: containers reach the network as the backend lets them",
    "Stub": "Stub is the older name of App: write App",
    "Tunnel": "there are no tunnels yet",
    "build": "there is no @build: write image.run_function(), or @enter for what each container does",
    "forward": "there are no tunnels yet",
    "interact": "there is no interact(): `intermodal shell FILE::NAME` opens a shell in a function's container",
}


def message(name: str) -> str:
    """What to say when the package is asked for `name`, which it does not have."""
    missing = f"module 'intermodal' has no attribute {name!r}"
    instead = _INSTEAD.get(name)
    return f"{missing}: {instead}" if instead else missing
