"""Words for a host that refuses what containers are made of: what to change, and the way around."""

from __future__ import annotations

import errno

_CAP_SYS_ADMIN = 21
#: Why a plain process cannot do something, and what to do.
PLAIN = 'isolation = "process" runs plain processes; set isolation = "namespaces" for the local backend'
_AROUND = 'or set isolation = "process" for the local backend ([tool.intermodal.local], INTERMODAL_LOCAL_ISOLATION)'


def privileged() -> bool:
    """Whether this process may make namespaces without a user namespace of its own."""
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> _CAP_SYS_ADMIN & 1)
    return False


def no_namespaces(error: OSError) -> str:
    """What to tell where namespaces cannot be made."""
    return f"this host refuses the namespaces that containers are made of ({error.strerror}): {_fix(error)}, {_AROUND}"


def no_overlay(error: OSError) -> str:
    """What to tell where overlays cannot be mounted."""
    return (
        f"this host refuses the overlay mounts that containers are made of ({error.strerror}): Linux 5.13 or later and "
        "a data directory (INTERMODAL_DATA_DIR) on ext4, xfs or btrfs are needed, without other file systems mounted "
        f"below /usr or it; {_AROUND}"
    )


def _fix(error: OSError) -> str:
    if _sysctl("kernel/unprivileged_userns_clone") == "0":
        return "as root, `sysctl -w kernel.unprivileged_userns_clone=1`"
    if error.errno == errno.ENOSPC:
        return (
            "the limit on their number is reached (user.max_user_namespaces and its neighbours): "
            "as root, `sysctl -w user.max_user_namespaces=15000`"
        )
    if _sysctl("user/max_user_namespaces") == "0":
        return "as root, `sysctl -w user.max_user_namespaces=15000`"
    if _sysctl("kernel/apparmor_restrict_unprivileged_userns") == "1":
        return (
            "as root, give this Python an AppArmor profile with `userns,` (Ubuntu 24.04 and later restrict it), or "
            "`sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`"
        )
    return "inside a container, allow it CAP_SYS_ADMIN or user namespaces (its seccomp profile may forbid them)"


def _sysctl(name: str) -> str:
    try:
        with open(f"/proc/sys/{name}") as file:
            return file.read().strip()
    except OSError:
        return ""
