"""Which capabilities a function or a sandbox asks of the backend; what is missing is refused, in the backend's name."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence

from intermodal.exception import CapabilityNotSupported
from intermodal.plugins import image_capabilities
from intermodal.plugins.bucket_tools import CAPABILITY
from intermodal.plugins.outbound import ALLOWLIST
from intermodal.specs import BucketSpec, FunctionSpec, ImageSpec, Network, Resources, SandboxSpec

__all__ = ["check_container", "check_function", "check_image", "check_sandbox", "shares_port"]

Require = Callable[[str], None]


def check_function(function: FunctionSpec, require: Require) -> None:
    """Call `require` with each capability that a container of `function` and its image ask for."""
    _check_buckets(function.buckets, require)
    check_image(function.image, require)
    network: Network = "none" if function.block_network else "host"
    check_container(function.resources, network, function.snapshot, require, volumes=bool(function.volumes))


def shares_port(function: FunctionSpec, require: Require) -> bool:
    """Whether two containers of `function` would start a server on one port of one network."""
    if function.block_network or all(each.web is None or each.web.kind != "web_server" for each in function.methods):
        return False
    try:
        require("isolation.network")
    except CapabilityNotSupported:
        return True
    return False


def check_sandbox(spec: SandboxSpec, require: Require) -> None:
    """Call `require` with each capability that a sandbox and its image ask for."""
    require("exec")
    _check_buckets(spec.buckets, require)
    check_image(spec.image, require)
    network: Network = "none" if spec.block_network else "host"
    check_container(spec.resources, network, False, require, volumes=bool(spec.volumes))
    if spec.reachable:
        require(ALLOWLIST)


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


def _check_buckets(buckets: Sequence[BucketSpec], require: Require) -> None:
    if buckets:
        require(CAPABILITY)


def _of_image(image: ImageSpec) -> Iterator[str]:
    if image.base.python not in ("", ".".join(platform.python_version_tuple()[:2])):
        yield "image.python_version"
    yield from image_capabilities(image)
    if image.gpus():
        yield "gpu"
