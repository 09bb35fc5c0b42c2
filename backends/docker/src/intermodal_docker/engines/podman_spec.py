"""The body of podman's request for a container, which its API calls a SpecGenerator."""

from __future__ import annotations

from typing import Any

from intermodal_docker.engine import CreateRequest

__all__ = ["specification"]

_MIB = 1 << 20
_PERIOD_US = 100_000
_NETWORKS = {"default": "", "host": "host", "none": "none"}


def specification(request: CreateRequest) -> dict[str, Any]:
    """A `CreateRequest` in podman's words."""
    spec: dict[str, Any] = {
        "image": request.image,
        "command": list(request.command),
        "env": dict(request.env),
        "labels": dict(request.labels),
        "user": request.user,
        "mounts": [
            {
                "type": "bind",
                "source": bind.source,
                "destination": bind.target,
                "options": ["rbind", "ro" if bind.read_only else "rw"],
            }
            for bind in request.binds
        ]
        + [
            {
                "type": "tmpfs",
                "source": "tmpfs",
                "destination": tmpfs.target,
                "options": [] if tmpfs.size is None else [f"size={tmpfs.size}"],
            }
            for tmpfs in request.tmpfs
        ],
        "volumes": [
            {"Name": volume.name, "Dest": volume.target, "Options": ["ro" if volume.read_only else "rw", "nocopy"]}
            for volume in request.volumes
        ],
        "create_working_dir": True,
        "remove": request.remove,
        "init": request.init,
        "stdin": request.stdin,
        "cap_drop": list(request.cap_drop),
        "resource_limits": _limits(request),
    }
    if _NETWORKS[request.network]:
        spec["netns"] = {"nsmode": _NETWORKS[request.network]}
    given = {
        "name": request.name,
        "hostname": request.hostname,
        "work_dir": request.workdir,
        "entrypoint": None if request.entrypoint is None else list(request.entrypoint),
        "log_configuration": None if request.logged else {"driver": "none"},
        "shm_size": None if request.shm is None else request.shm * _MIB,
        "devices": [{"path": f"nvidia.com/gpu={gpu}"} for gpu in request.gpus] or None,
    }
    return spec | {name: value for name, value in given.items() if value is not None}


def _limits(request: CreateRequest) -> dict[str, Any]:
    limits: dict[str, Any] = {}
    cpu: dict[str, Any] = {}
    if request.cpus is not None:
        cpu |= {"quota": int(request.cpus * _PERIOD_US), "period": _PERIOD_US}
    if request.cpu_shares is not None:
        cpu["shares"] = request.cpu_shares
    if cpu:
        limits["cpu"] = cpu
    if request.memory is not None:
        limits["memory"] = {"limit": request.memory * _MIB, "swap": request.memory * _MIB}
    if request.pids is not None:
        limits["pids"] = {"limit": request.pids}
    return limits
