"""What this backend can do on this host, as data."""

from __future__ import annotations

from intermodal.plugins import Capabilities
from intermodal.plugins.outbound import ALLOWLIST, missing
from intermodal_local.images import apt
from intermodal_local.images.foreign import NO_ENTRYPOINT
from intermodal_local.outward import SLIRP
from intermodal_local.runtime import advice, cgroups, userns

__all__ = ["capabilities"]

_NAMESPACES = (
    "isolation.filesystem",
    "isolation.pid",
    "network.block",
    "limits.cpu",
    "limits.memory",
    "limits.pids",
    "snapshot",
    "exec",
    "volumes",
    "bucket.mount",
    "fd_passing",
    "image.pip_install",
    "image.run_commands",
    "image.run_function",
    "image.copy",
    "image.python_version",
    "image.from_registry",
    "image.secrets",
    "image.stages",
    "image.mounts",
    "image.gpu",
    "gpu",
)
_PROCESS = (
    "fd_passing",
    "limits.cpu",
    "limits.memory",
    "limits.pids",
    "image.pip_install",
    "image.python_version",
    "image.from_registry",
    "image.secrets",
    "gpu",
)
_NO_SCRATCH = "containers here have this host's userland, which is not empty: use --backend docker or podman"
_WHOLE_CORES = (
    "this user may make no control groups that limit cpu, so a limit is so many whole cores, rounded up; as root, or "
    "in `systemd-run --user --scope -p Delegate=yes`, it is exact"
)
_NO_GROUPS = (
    "this user may make no control groups, which limit steps: run as root, or in "
    "`systemd-run --user --scope -p Delegate=yes`"
)
_SHARED_NETWORK = (
    "containers use the host's network; with block_network=True one has a network of its own, with nothing in it"
)


def capabilities(isolation: str) -> Capabilities:
    """The statement for `isolation` "namespaces" or "process" on this host."""
    supported = set(_NAMESPACES if isolation == "namespaces" else _PROCESS)
    notes: dict[str, str] = {}
    if isolation == "process":
        notes = dict.fromkeys(
            {
                *_NAMESPACES,
                "isolation.network",
                ALLOWLIST,
                "image.apt_install",
                "image.user",
                "image.cpu",
                "image.memory",
            }
            - supported,
            advice.PLAIN,
        )
    else:
        notes["isolation.network"] = _SHARED_NETWORK
        lack = missing(SLIRP)
        if lack is None:
            supported.add(ALLOWLIST)
        else:
            notes[ALLOWLIST] = lack
        lack = apt.missing()
        if lack is None:
            supported.add("image.apt_install")
        else:
            notes["image.apt_install"] = lack
        lack = None if advice.privileged() else userns.missing()
        if lack is None:
            supported.add("image.user")
        else:
            notes["image.user"] = lack
    for kind in ("cpu", "memory"):
        if not cgroups.limits(kind):
            notes[f"image.{kind}"] = _NO_GROUPS
            if kind == "cpu":
                notes["limits.cpu"] = _WHOLE_CORES
        elif isolation == "namespaces":
            supported.add(f"image.{kind}")
    notes["image.entrypoint"] = NO_ENTRYPOINT
    notes["image.from_scratch"] = _NO_SCRATCH
    return Capabilities(supported=frozenset(supported), notes=notes)
