"""Which capabilities a function asks of the backend. What is missing is refused here, in the backend's name."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator

from intermodal.driver.buckets import rclone
from intermodal.exception import CapabilityNotSupported
from intermodal.plugins import image_capabilities
from intermodal.specs import FunctionSpec, ImageSpec, Network, Resources

__all__ = ["check_container", "check_function", "check_image"]

Require = Callable[[str], None]


def check_function(function: FunctionSpec, require: Require) -> None:
    """Call `require` with each capability that a container of `function` and its image ask for.

    Raises `CapabilityNotSupported` for what no backend can: the others of its app are not concerned.
    """
    if function.web:
        hint = f"{function.name!r} is a web function; those need the server, which is not there yet"
        raise CapabilityNotSupported(f"web.{function.web[0]}", hint=hint)
    if function.buckets:
        require(rclone.CAPABILITY)
        rclone.check_available()
    check_image(function.image, require)
    network: Network = "none" if function.block_network else "host"
    check_container(function.resources, network, function.snapshot, require, volumes=bool(function.volumes))


def check_image(image: ImageSpec, require: Require) -> None:
    """Call `require` with each capability that building `image` asks for."""
    for capability in _of_image(image):
        require(capability)


def check_container(
    resources: Resources, network: Network, snapshot: bool, require: Require, *, volumes: bool = False
) -> None:
    """Call `require` with each capability that such a container asks for, whoever wants it so: a plugin may."""
    asked = {
        "gpu": resources.gpu is not None,
        "limits.cpu": resources.cpu_limit is not None,
        "limits.memory": resources.memory_limit is not None,
        "network.block": network == "none",
        "snapshot": snapshot,
        "volumes": volumes,
    }
    for capability, wanted in asked.items():
        if wanted:
            require(capability)


def _of_image(image: ImageSpec) -> Iterator[str]:
    if image.base.python not in ("", ".".join(platform.python_version_tuple()[:2])):
        yield "image.python_version"
    yield from image_capabilities(image)
