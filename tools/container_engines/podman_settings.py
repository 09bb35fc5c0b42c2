"""Settings that podman needs where root may not raise limits, where there is no systemd, or where cgroups are mixed."""

from __future__ import annotations

import resource
from pathlib import Path

from container_engines.failure import say

__all__ = ["write_settings"]

_FILE = Path("/etc/containers/containers.conf.d/50-intermodal-engines.conf")
_CAP_SYS_RESOURCE = 24
_MOST_FILES = 1_048_576


def write_settings() -> None:
    """Write those that are needed and not there: every podman of this machine reads them, the command too."""
    text = _settings()
    if text and not (_FILE.exists() and _FILE.read_text() == text):
        say(f"Writing {_FILE}: what podman would do otherwise is not possible on this machine.")
        _FILE.parent.mkdir(parents=True, exist_ok=True)
        _FILE.write_text(text)


def _settings() -> str:
    containers, engine = [], []
    if not _may_raise_limits():
        containers.append(f"default_ulimits = [{_limits()}]")
    if not Path("/run/systemd/system").is_dir():
        engine += ['cgroup_manager = "cgroupfs"', 'events_logger = "file"']
    if _mixed_cgroups():
        engine.append('runtime = "runc"')
    sections = [
        "\n".join([f"[{name}]", *lines, ""])
        for name, lines in (("containers", containers), ("engine", engine))
        if lines
    ]
    return "\n".join(["# Written by tools/engines of intermodal.", *sections]) if sections else ""


def _limits() -> str:
    # Podman itself goes down to the largest process id.
    most_processes = int(Path("/proc/sys/kernel/pid_max").read_text())
    wanted = {
        "nofile": _least(resource.RLIMIT_NOFILE, _MOST_FILES),
        "nproc": _least(resource.RLIMIT_NPROC, most_processes),
    }
    return ", ".join(f'"{name}={limit}:{limit}"' for name, limit in wanted.items())


def _least(limit: int, most: int) -> int:
    hard = resource.getrlimit(limit)[1]
    return most if hard == resource.RLIM_INFINITY else min(hard, most)


def _may_raise_limits() -> bool:
    status = Path("/proc/self/status").read_text()
    effective = next(line.split()[1] for line in status.splitlines() if line.startswith("CapEff:"))
    return bool(int(effective, 16) >> _CAP_SYS_RESOURCE & 1)


def _mixed_cgroups() -> bool:
    """Some controllers in cgroup v2 beside v1: crun refuses that."""
    unified = Path("/sys/fs/cgroup/unified/cgroup.controllers")
    return unified.exists() and bool(unified.read_text().strip())
