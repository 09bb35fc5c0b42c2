"""What container engines take away by default: capabilities, privileges through exec, parts of /proc and /sys,
system calls."""

from __future__ import annotations

import functools
import os

from intermodal_local.runtime import kernel, syscalls

#: The default set of container engines: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap,
#: net_bind_service, net_raw, sys_chroot, mknod, audit_write, setfcap. Device nodes made with mknod stay dead: every
#: writable mount is nodev.
DEFAULT_CAPABILITIES = 0xA80425FB
_NET_RAW = 13

MASKED = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/cgroup",
    "/sys/kernel/debug",
    "/sys/kernel/tracing",
)
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def mask_paths(root: str, null: str) -> None:
    """Hide or freeze what tells about or changes the host. `null` is a path of the null device."""
    for path in MASKED:
        target = root + path
        try:
            directory = os.path.isdir(target)
            if directory:
                kernel.mount("tmpfs", target, "tmpfs", kernel.MS_RDONLY | kernel.MS_NODEV, "size=0")
            elif os.path.exists(target):
                kernel.bind(null, target, recursive=False)
        except FileNotFoundError:
            continue
    for path in READ_ONLY:
        target = root + path
        if os.path.exists(target):
            kernel.bind(target, target)
            kernel.set_mount_flags(target, kernel.ATTR_RDONLY)


def lower_privileges() -> None:
    """Put all but the default capabilities aside; `raise_privileges` takes them again."""
    kernel.set_capabilities(DEFAULT_CAPABILITIES, permitted=_held())


def raise_privileges() -> None:
    """Undo `lower_privileges`."""
    kernel.set_capabilities(_held(), permitted=_held())


def _held() -> int:
    with open("/proc/self/status") as file:
        return next(int(line.split()[1], 16) for line in file if line.startswith("CapPrm:"))


def prepare() -> None:
    """Do now what every fork of this process that drops its privileges would have to do again."""
    _last_capability()
    syscalls.prepare()


@functools.cache
def _last_capability() -> int:
    with open("/proc/sys/kernel/cap_last_cap") as file:
        return int(file.read())


def drop_privileges(*, filtered: bool = True, raw: bool = True) -> None:
    """Keep only the default capabilities, for this process and all that follow, and never gain any by exec; `filtered`:
    refuse system calls as `syscalls` says; `raw`: packets of its own making may be sent.
    """
    kept = DEFAULT_CAPABILITIES if raw else DEFAULT_CAPABILITIES & ~(1 << _NET_RAW)
    for capability in range(_last_capability() + 1):
        if not kept >> capability & 1:
            kernel.prctl(kernel.PR_CAPBSET_DROP, capability)
    kernel.prctl(kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_CLEAR_ALL)
    kernel.set_capabilities(kept)
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if filtered:
        syscalls.install()
