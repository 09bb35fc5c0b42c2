"""What both backends can do, as data."""

from __future__ import annotations

from intermodal.plugins import Capabilities
from intermodal.plugins.outbound import ALLOWLIST, missing
from intermodal_docker.limits import NO_LIMITS
from intermodal_docker.mounting import MISSING, NO_RULES_ELSEWHERE, NO_VOLUMES_ELSEWHERE, can_mount

__all__ = ["BUILDER", "LIMITS", "capabilities"]

#: What engines may be able to limit.
LIMITS = frozenset({"cpu", "memory", "pids"})

#: What its builder can do.
BUILDER = frozenset(
    {
        "image.apt_install",
        "image.copy",
        "image.entrypoint",
        "image.from_registry",
        "image.from_scratch",
        "image.pip_install",
        "image.python_version",
        "image.run_commands",
        "image.run_function",
        "image.secrets",
        "image.stages",
        "image.mounts",
        "image.user",
        "image.gpu",
        "image.cpu",
        "image.memory",
    }
)
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
    "volumes",
    "bucket.mount",
)
_NO_SCRATCH = "functions run Python, which an empty image lacks; sandboxes need none"
_ELSEWHERE = "the engine is on another machine, so that values travel through its connection"
_NO_SNAPSHOT = "an engine's containers are not forked from another one: leave enable_memory_snapshot away here"


def capabilities(*, remote: bool, limits: frozenset[str] = LIMITS) -> Capabilities:
    """The statement for an engine on this machine, or for one elsewhere, which can limit this."""
    notes = {"image.from_scratch": _NO_SCRATCH, "snapshot": _NO_SNAPSHOT}
    supported = BUILDER.union(_LAUNCHER)
    if remote:
        supported -= {"fd_passing", "volumes", "bucket.mount"}
        notes |= {"fd_passing": _ELSEWHERE, "volumes": NO_VOLUMES_ELSEWHERE, "bucket.mount": NO_VOLUMES_ELSEWHERE}
    elif not can_mount():
        supported -= {"volumes", "bucket.mount"}
        notes["volumes"] = notes["bucket.mount"] = MISSING
    lack = NO_RULES_ELSEWHERE if remote else missing()
    if lack is None:
        supported |= {ALLOWLIST}
    else:
        notes[ALLOWLIST] = lack
    lacking = {f"{whose}.{kind}" for kind in LIMITS - limits for whose in ("limits", "image")} & supported
    return Capabilities(supported=supported - lacking, notes=notes | dict.fromkeys(sorted(lacking), NO_LIMITS))
