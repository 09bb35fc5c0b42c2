"""What to ask of an engine for a container."""

from __future__ import annotations

from collections.abc import Mapping

from intermodal.plugins import BuiltImage, GpuLease
from intermodal.specs import ContainerSpec
from intermodal_docker.devices import requested_devices
from intermodal_docker.engine import CreateRequest, EngineInfo
from intermodal_docker.entrance import Way
from intermodal_docker.limits import engine_cpus, engine_memory

__all__ = ["PIDS", "container_request"]

#: Processes and threads that a container may have.
PIDS = 2048
_SHARES = 1024


def container_request(
    spec: ContainerSpec,
    image: BuiltImage,
    gpus: GpuLease | None,
    *,
    info: EngineInfo,
    way: Way,
    labels: Mapping[str, str],
) -> CreateRequest:
    """A request for a container of `spec`. The token that it is to show has to follow in its command.

    Args:
        info: of the engine's machine.
        way: how it reaches the session.
        labels: of the session.

    Raises `CapabilityNotSupported`: the engine cannot limit what is to be limited.
    """
    resources = spec.resources
    memory = engine_memory(resources.memory_limit, info)
    return CreateRequest(
        image=image.ref,
        command=way.command,
        name=f"intermodal-{spec.id}",
        env=spec.env,
        labels={**labels, "intermodal.app": spec.app, "intermodal.function": spec.function},
        workdir=spec.workdir,
        hostname=spec.id[:63],
        binds=way.binds,
        volumes=way.volumes,
        stdin=way.stdin,
        logged=not way.stdin,
        network="none" if spec.network == "none" and not spec.reachable else "default",
        cap_drop=("NET_RAW",) if spec.reachable else (),
        cpus=engine_cpus(resources.cpu_limit, info),
        cpu_shares=max(2, round(resources.cpu * _SHARES)),
        memory=memory,
        pids=PIDS,
        shm=memory or max(info.memory // 2, 64),
        remove=True,
        gpus=requested_devices(gpus),
    )
