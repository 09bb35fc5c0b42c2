"""The process that mounts volumes into running containers; `mounter` starts it.

This very file is run, with the standard library only.

It forks for every order, for whoever has joined a container's namespaces cannot come back. It ends with its owner.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import select
import signal
import socket
from collections.abc import Sequence
from typing import Any

__all__ = ["overlay_options"]

#: The source of a volume's mount, as `/proc/*/mountinfo` shows it.
MARK = "intermodal-volume"

_NEWNS, _NEWUSER = 0x00020000, 0x10000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_REC, _MS_PRIVATE = 1, 2, 4, 16384, 1 << 18
_MNT_DETACH = 2
_PR_SET_PDEATHSIG = 1
_OPEN_TREE, _MOVE_MOUNT = 428, 429
_OPEN_TREE_CLONE = 1
_FROM_EMPTY, _TO_EMPTY, _BENEATH = 0x4, 0x40, 0x200


def overlay_options(
    lower: Sequence[str], upper: str | None, work: str | None, prefix: str
) -> tuple[str, str, int, str]:
    """The fields of a `mounter.Overlay`.

    With `userxattr` the kernel redirects no directory and copies no metadata alone, with or without privilege.
    """
    options = [f"lowerdir={':'.join(os.path.basename(path) for path in lower)}", "userxattr", "index=off"]
    if upper is not None:
        options += [f"upperdir={prefix}{upper}", f"workdir={prefix}{work}", "volatile"]
    flags = _MS_NOSUID | _MS_NODEV | (_MS_RDONLY if upper is None else 0)
    return MARK, prefix + os.path.dirname(lower[0]), flags, ",".join(options)


_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None) -> None:
    words = (source.encode(), target.encode(), kind.encode() if kind else None, ctypes.c_ulong(flags))
    _check(_libc.mount(*words, data.encode() if data else None), f"mounting {kind or source} at {target}")


def _setns(fd: int, flags: int) -> None:
    _check(_libc.setns(fd, flags), "joining the container")


def _system_call(number: int, *words: Any) -> int:
    return int(_libc.syscall(ctypes.c_long(number), *words))


def _detached(order: dict[str, Any], prefix: str) -> int:
    """The overlay or directory of an order, mounted nowhere: it lasts as long as the descriptor or what it is attached
    to."""
    if "source" in order:
        return _clone(prefix + order["source"])
    source, directory, flags, options = overlay_options(order["lower"], order["upper"], order["work"], prefix)
    place = prefix + order["place"]
    os.chdir(directory)
    _mount(source, place, "overlay", flags, options)
    try:
        return _clone(place)
    finally:
        _libc.umount2(place.encode(), _MNT_DETACH)


def _clone(place: str) -> int:
    arguments = (ctypes.c_int(-100), place.encode(), ctypes.c_uint(_OPEN_TREE_CLONE | os.O_CLOEXEC))
    return _check(_system_call(_OPEN_TREE, *arguments), f"taking {place} along")


def _taken_along(order: dict[str, Any]) -> int | None:
    """What `_detached` gives, of an order whose source another process sees; None for the others. A fork asks for it:
    who joins a user namespace cannot come back."""
    if order.get("seen_by") is None:
        return None
    place = order["source"]
    ours, theirs = socket.socketpair()
    with ours, theirs:
        child = os.fork()
        if not child:
            try:
                _setns(os.pidfd_open(order["seen_by"]), _NEWUSER | _NEWNS)
                socket.send_fds(theirs, [b"0"], [_clone(place)])
            except OSError as error:
                theirs.send((error.strerror or str(error)).encode())
            finally:
                os._exit(0)
        theirs.close()
        said, fds, _, _ = socket.recv_fds(ours, 4096, 1)
    if not fds:
        raise OSError(errno.ESRCH, said.decode() or f"who takes {place} along was killed")
    return fds[0]


def _attach(mount: int, target: int, *, beneath: bool) -> bool:
    flags = _FROM_EMPTY | _TO_EMPTY | (_BENEATH if beneath else 0)
    words = (ctypes.c_int(mount), b"", ctypes.c_int(target), b"", ctypes.c_uint(flags))
    if _system_call(_MOVE_MOUNT, *words) == 0:
        return True
    number = ctypes.get_errno()
    if beneath and number == errno.EINVAL:
        return False
    raise OSError(number, f"attaching a volume: {os.strerror(number)}")


def _put(target: str, mount: int, *, swap: bool) -> None:
    """Attach a volume, in the container's mount namespace. An old one goes away without anybody seeing a gap: the new
    one comes to lie beneath it first. A kernel before 6.5 cannot; there it lies on top of the old one."""
    if not swap:
        os.makedirs(target, exist_ok=True)
    place = os.open(target, os.O_PATH | os.O_DIRECTORY)
    if swap and _attach(mount, place, beneath=True):
        os.fchdir(place)
        _check(_libc.umount2(b".", _MNT_DETACH), f"taking the old version from {target}")
    else:
        _attach(mount, place, beneath=False)


class _Holders:
    """Who in the container has something of a volume open."""

    def __init__(self, container: int) -> None:
        self._namespace = os.stat(f"/proc/{container}/ns/mnt")
        self._container = container

    def of(self, target: str) -> str | None:
        """The first file found, and its process. Raises `OSError` where no volume is mounted at `target`."""
        fd = os.open(f"/proc/{self._container}/root{target}", os.O_PATH | os.O_DIRECTORY)
        try:
            mount = _mount_id("self", fd)
        finally:
            os.close(fd)
        if not self._is_volume(mount):
            raise OSError(errno.EINVAL, f"{target} is not the volume that was mounted there")
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if os.path.samestat(os.stat(f"/proc/{pid}/ns/mnt"), self._namespace):
                    held = _held(pid, mount, target)
                    if held is not None:
                        return f"{held} (process {_name(pid)})"
            except OSError:
                continue  # it has ended
        return None

    def _is_volume(self, mount: str) -> bool:
        with open(f"/proc/{self._container}/mountinfo") as lines:
            for line in lines:
                words = line.split()
                if words[0] == mount:
                    return words[words.index("-") + 1 : words.index("-") + 3] == ["overlay", MARK]
        return False


def _held(pid: str, mount: str, target: str) -> str | None:
    for name in ("cwd", "root"):
        fd = os.open(f"/proc/{pid}/{name}", os.O_PATH)
        try:
            if _mount_id("self", fd) == mount:
                where = os.readlink(f"/proc/{pid}/{name}")
                return f"the working directory {where}" if name == "cwd" else where
        finally:
            os.close(fd)
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            if _mount_id(pid, number) == mount:
                return os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            continue
    with open(f"/proc/{pid}/maps") as lines:
        for line in lines:
            path = line.partition("/")[2].rstrip("\n")
            if f"/{path}".startswith(f"{target}/"):
                return f"/{path}"
    return None


def _mount_id(pid: str, fd: int | str) -> str:
    with open(f"/proc/{pid}/fdinfo/{fd}") as lines:
        return next((line.split()[1] for line in lines if line.startswith("mnt_id:")), "")


def _name(pid: str) -> str:
    with open(f"/proc/{pid}/comm") as file:
        return file.read().strip()


def _pid_of(pidfd: int) -> int:
    with open(f"/proc/self/fdinfo/{pidfd}") as lines:
        pid = next(int(line.split()[1]) for line in lines if line.startswith("Pid:"))
    if pid <= 0:
        raise ProcessLookupError(errno.ESRCH, "the container has ended")
    return pid


def _carry_out(words: dict[str, Any], container: int, host: int | None) -> str | None:
    """What is in the way, or None where all is done. Raises `OSError`."""
    orders, swap = words["orders"], words["swap"]
    if swap:
        holders = _Holders(_pid_of(container))
        for each in orders:
            if (busy := holders.of(each["target"])) is not None:
                return busy
    # Before anything is joined: from one user's namespaces there is no way into others beside them.
    taken = [_taken_along(each) for each in orders]
    if host is not None:
        _setns(host, _NEWUSER | _NEWNS)
    _check(_libc.unshare(_NEWNS), "making a mount namespace")
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE, None)
    mounts = [
        _detached(each, words["prefix"]) if mount is None else mount for each, mount in zip(orders, taken, strict=True)
    ]
    _setns(container, _NEWNS)
    for each, mount in zip(orders, mounts, strict=True):
        _put(each["target"], mount, swap=swap)
    return None


def _answer(fds: Sequence[int]) -> None:
    """`fds`: a memory file with the order, where the answer goes, the container, and perhaps whose namespaces show the
    host's directories."""
    order, told, container, *host = fds
    said: dict[str, str | None] = {"busy": None, "error": None}
    try:
        with open(order, "rb") as file:
            file.seek(0)
            words = json.load(file)
        said["busy"] = _carry_out(words, container, host[0] if host else None)
    except OSError as error:
        said["error"] = error.strerror or str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, somebody waits to hear of it
        said["error"] = repr(error)
    os.write(told, json.dumps(said).encode())


def _serve(orders: socket.socket) -> None:
    """Until the owner closes its end, or has ended: a fork of it may have that end, too."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)  # to end then, even where somebody has stopped it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        owner = os.pidfd_open(os.getppid())
    except ProcessLookupError:
        return
    poll = select.poll()
    for fd in (orders.fileno(), owner):
        poll.register(fd, select.POLLIN)
    while owner not in [fd for fd, _ in poll.poll()]:
        data, fds, _, _ = socket.recv_fds(orders, 1, 4)
        if not data:
            return
        if not os.fork():
            try:
                _answer(fds)
            finally:
                os._exit(0)
        for fd in fds:
            os.close(fd)


if __name__ == "__main__":
    _serve(socket.socket(fileno=0))
