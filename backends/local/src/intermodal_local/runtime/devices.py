"""A private /dev, /proc and /sys."""

from __future__ import annotations

import os
from collections.abc import Sequence

from intermodal_local.runtime import hardening, kernel
from intermodal_local.runtime.overlay import Inside

NODES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = (
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("pts/ptmx", "ptmx"),
)


def mount_dev(inside: Inside, prefix: str, shm: int | None, extra: Sequence[str]) -> None:
    """A /dev with the harmless devices, own terminals, own shared memory (`shm` bytes), and `extra` device paths."""
    inside.mount("/dev", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755,size=65536")
    dev = f"{inside.root}/dev"
    for name in [*NODES, *(path[len("/dev/") :] for path in extra)]:
        target = f"{dev}/{name}"
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o666))
        kernel.bind(f"{prefix}/dev/{name}", target, recursive=False)
    for source, name in _LINKS:
        os.symlink(source, f"{dev}/{name}")
    os.mkdir(f"{dev}/pts")
    os.mkdir(f"{dev}/shm")
    kernel.mount(
        "devpts", f"{dev}/pts", "devpts", kernel.MS_NOSUID | kernel.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620"
    )
    size = f",size={shm}" if shm else ""
    kernel.mount("shm", f"{dev}/shm", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, f"mode=1777{size}")


def mount_kernel(inside: Inside, prefix: str, *, fresh_sys: bool, frozen_proc: bool = False) -> None:
    """/proc of this pid namespace and a read-only /sys, both masked. `prefix` leads to the host's /dev and /sys."""
    guarded = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC
    inside.mount("/proc", "proc", guarded | (kernel.MS_RDONLY if frozen_proc else 0))
    try:
        if not fresh_sys:
            raise PermissionError
        inside.mount("/sys", "sysfs", guarded | kernel.MS_RDONLY)
    except PermissionError:  # the network namespace is another user namespace's
        inside.bind(f"{prefix}/sys", "/sys")
    hardening.mask_paths(inside.root, f"{prefix}/dev/null")
