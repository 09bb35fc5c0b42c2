"""A filter of system calls such as container engines apply by default: what no program inside needs, and what kernels
were broken through.

The reference is Docker's default profile, turned around: it lists what is allowed, this what it leaves out, for a new
kernel's harmless call should not have to wait for us. What a call may do with its arguments (`clone` with namespaces,
`personality`, sockets to the hypervisor) is looked at as there. Allowed although Docker denies them are the calls for
memory placement on NUMA machines, `kcmp` and `pidfd_getfd`, which the kernel checks by itself.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import platform
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from intermodal_local.runtime import kernel

__all__ = ["DENIED", "MACHINES", "available", "install", "prepare", "program"]

#: Calls that are refused whatever their arguments are, with their numbers on x86_64 and aarch64 (None: not there).
DENIED: dict[str, tuple[int, int | None]] = {
    # loading code into the kernel, or another kernel
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "bpf": (321, 280),
    "reboot": (169, 142),
    # namespaces and mounts
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    # keys are not kept apart by namespaces
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # large, often broken, or telling about the host
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "fanotify_init": (300, 262),
    "open_by_handle_at": (304, 265),
    "lookup_dcookie": (212, 18),
    "syslog": (103, 116),
    # the machine's own settings
    "acct": (163, 89),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "vhangup": (153, 58),
    # old
    "ioperm": (173, None),
    "iopl": (172, None),
    "uselib": (134, None),
    "ustat": (136, None),
    "sysfs": (139, None),
    "_sysctl": (156, None),
    "create_module": (174, None),
    "get_kernel_syms": (177, None),
    "query_module": (178, None),
    "nfsservctl": (180, 42),
}


@dataclass(frozen=True)
class _Machine:
    """What differs between machines: the mark of their calls, their column above, the calls looked at by argument."""

    mark: int
    column: int
    clone: int
    clone3: int
    personality: int
    socket: int


MACHINES = {
    "x86_64": _Machine(0xC000003E, 0, clone=56, clone3=435, personality=135, socket=41),
    "aarch64": _Machine(0xC00000B7, 1, clone=220, clone3=435, personality=92, socket=198),
}
_NAMESPACES = 0x7E020000  #: every CLONE_NEW* flag
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
_AF_VSOCK = 40
_X32 = 0x40000000

_LOAD, _EQUAL, _AT_LEAST, _ANY_OF, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _MARK, _FIRST_ARGUMENT = 0, 4, 16  #: offsets in struct seccomp_data; both machines are little endian
_ALLOW = 0x7FFF0000
_FAIL = 0x00050000  #: with an error number

Instruction = tuple[int, int, int, int]
_LET: Instruction = (_RETURN, 0, 0, _ALLOW)
_REFUSE: Instruction = (_RETURN, 0, 0, _FAIL | errno.EPERM)
_UNKNOWN: Instruction = (_RETURN, 0, 0, _FAIL | errno.ENOSYS)

_SYS_SECCOMP = {"x86_64": 317, "aarch64": 277}
_SET_MODE_FILTER = 1
_SPEC_ALLOW = 4  #: a filter is no sandbox inside one process: no need to switch speculation off


def available() -> bool:
    """Whether there is a filter for this machine."""
    return platform.machine() in MACHINES


def prepare() -> None:
    """Do now what every fork of this process that filters its calls would have to do again."""
    if available():
        _compiled(platform.machine())


def install() -> None:
    """Filter the calls of this process, single-threaded and without new privileges, and of all that follow it.

    Nothing is filtered on other machines than `MACHINES`, or by a kernel that was built without filters.
    """
    if not available():
        return
    code = _compiled(platform.machine())
    buffer = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    try:
        kernel.system_call("seccomp", _SYS_SECCOMP[platform.machine()], _SET_MODE_FILTER, _SPEC_ALLOW, program)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EINVAL):
            raise


@functools.cache
def _compiled(machine: str) -> bytes:
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program(machine))


def program(machine: str) -> list[Instruction]:
    """The filter as BPF instructions: code, jump if true, jump if false, value."""
    here = MACHINES[machine]
    numbers = [numbers[here.column] for numbers in DENIED.values()]
    denied = [number for number in numbers if number is not None]
    by_argument = [
        *_when(here.clone, [(_ANY_OF, 1, 0, _NAMESPACES), _LET, _REFUSE]),
        *_when(here.socket, [(_EQUAL, 1, 0, _AF_VSOCK), _LET, _REFUSE]),
        *_when(here.personality, [*_any_of(_PERSONALITIES), _REFUSE, _LET]),
    ]
    rest = [*_any_of(denied), _LET, _REFUSE]
    return [
        (_LOAD, 0, 0, _MARK),
        (_EQUAL, 1, 0, here.mark),
        _UNKNOWN,  # the calls of 32-bit programs would lead around the filter
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 1, 0, _X32),
        (_EQUAL, 0, 1, here.clone3),  # its flags are out of a filter's sight; the C library falls back to clone
        _UNKNOWN,
        *by_argument,
        *rest,
    ]


def _when(number: int, then: Sequence[Instruction]) -> list[Instruction]:
    """Look at the first argument of one call; `then` ends it."""
    return [(_EQUAL, 0, len(then) + 1, number), (_LOAD, 0, 0, _FIRST_ARGUMENT), *then]


def _any_of(values: Sequence[int]) -> list[Instruction]:
    """Go on with the second instruction behind these where it is one of `values`, else with the first."""
    return [(_EQUAL, len(values) - place, 0, value) for place, value in enumerate(values)]
