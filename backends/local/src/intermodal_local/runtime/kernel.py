"""System calls that the standard library lacks, with errors that name what was tried."""

from __future__ import annotations

import ctypes
import os
import platform
import struct

NEWNS = 0x00020000
NEWUTS = 0x04000000
NEWIPC = 0x08000000
NEWUSER = 0x10000000
NEWPID = 0x20000000
NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2

ATTR_RDONLY = 1
ATTR_NOSUID = 2
ATTR_NODEV = 4

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4

_AT_FDCWD = -100
_AT_RECURSIVE = 0x8000
_SYS_OPENAT2 = 437
_SYS_MOUNT_SETATTR = 442
_RESOLVE_IN_ROOT = 0x10
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "ppc64le": 203, "s390x": 217}.get(
    platform.machine(), 155
)

# PyDLL keeps the GIL: a zygote is single-threaded and these calls are short.
_libc = ctypes.PyDLL(None, use_errno=True)
_libc.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_libc.prctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong, ctypes.c_ulong)
_libc.syscall.restype = ctypes.c_long


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def system_call(what: str, number: int, *arguments: int | bytes) -> int:
    """A system call that the C library has no function for; `bytes` are passed by address. Raises `OSError` that names
    `what`.
    """
    words = (ctypes.c_long(word) if isinstance(word, int) else ctypes.c_char_p(word) for word in arguments)
    return _check(_libc.syscall(ctypes.c_long(number), *words), what)


def unshare(flags: int) -> None:
    """Leave namespaces for new ones. Raises `OSError`."""
    _check(_libc.unshare(flags), f"unshare({flags:#x})")


def setns(fd: int, flags: int) -> None:
    """Join the namespaces `flags` of the pidfd or namespace descriptor `fd`. Raises `OSError`."""
    _check(_libc.setns(fd, flags), f"setns({flags:#x})")


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    """mount(2). Raises `OSError` that names type and target."""
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode() if kind else None, flags, data.encode() if data else None
    )
    _check(result, f"mount {kind or source} on {target}")


def bind(source: str, target: str, *, recursive: bool = True) -> None:
    """Show `source` at `target` too."""
    mount(source, target, None, MS_BIND | (MS_REC if recursive else 0))


def set_mount_flags(target: str, attributes: int, *, recursive: bool = True) -> None:
    """Add mount attributes (ATTR_*) without touching the others, on the whole tree of mounts at `target`."""
    attr = struct.pack("QQQQ", attributes, 0, 0, 0)
    depth = _AT_RECURSIVE if recursive else 0
    system_call(f"mount_setattr {target}", _SYS_MOUNT_SETATTR, _AT_FDCWD, target.encode(), depth, attr, len(attr))


def unmount(target: str, flags: int = MNT_DETACH) -> None:
    """umount2(2)."""
    _check(_libc.umount2(target.encode(), flags), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """Make `new` the root of this mount namespace and put the old one at `old`."""
    system_call(f"pivot_root {new}", _SYS_PIVOT_ROOT, new.encode(), old.encode())


def open_in_root(root: int, path: str, flags: int) -> int:
    """Open `path` as a process chrooted into directory `root` would: no link in it leads outside. Raises `OSError`."""
    how = struct.pack("QQQ", flags | os.O_CLOEXEC, 0, _RESOLVE_IN_ROOT)
    return system_call(f"open {path}", _SYS_OPENAT2, root, path.encode(), how, len(how))


def prctl(option: int, value: int = 0) -> None:
    """prctl(2) with one argument."""
    _check(_libc.prctl(option, value, 0, 0, 0), f"prctl({option}, {value})")


def set_hostname(name: str) -> None:
    """Name this UTS namespace."""
    raw = name.encode()
    _check(_libc.sethostname(ctypes.c_char_p(raw), ctypes.c_size_t(len(raw))), "sethostname")


def set_capabilities(effective: int, permitted: int | None = None) -> None:
    """Set the effective and the permitted (default: the same) capabilities of this thread; nothing inheritable."""
    permitted = effective if permitted is None else permitted
    header = struct.pack("Ii", 0x20080522, 0)
    low = 0xFFFFFFFF
    data = struct.pack("IIIIII", effective & low, permitted & low, 0, effective >> 32, permitted >> 32, 0)
    _check(_libc.capset(ctypes.c_char_p(header), ctypes.c_char_p(data)), "capset")
