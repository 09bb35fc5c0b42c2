"""The settings of both backends: `docker.*` and `podman.*`."""

from __future__ import annotations

from intermodal.plugins import Options
from intermodal_docker.images.options import add_image_options

__all__ = ["add_options"]

_HOST = {
    "docker": "tcp://machine:2376, ssh://me@machine, a context's name; default: DOCKER_HOST, then the current context",
    "podman": "ssh://me@machine/run/podman/podman.sock or a connection's name; default: CONTAINER_HOST, then your own",
}


def add_options(options: Options, backend: str) -> None:
    """Register the settings of `backend`, "docker" or "podman"."""
    options.add(f"{backend}.host", help=f"Where the engine is, such as {_HOST[backend]}.")
    options.add(
        f"{backend}.gpus",
        type="list",
        default=(),
        help='Declared accelerators, such as ["H100:4", "A100:2"], instead of those that NVML finds.',
    )
    add_image_options(options, backend)
