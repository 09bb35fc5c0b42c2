"""What a fresh fork of a zygote does to become a container."""

from __future__ import annotations

import importlib
import os
import site
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from intermodal_local.runtime import devices, hardening, init, kernel, network, overlay
from intermodal_local.runtime.cores import keep_to

#: Where a zygote sees the host. Containers never do.
HOST = "/.host"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Nest:
    """What differs between containers of a zygote and those of a snapshot template."""

    rootless: bool
    guest: Callable[[socket.socket, Sequence[str]], int]
    template: bool = False

    @property
    def frozen_proc(self) -> bool:
        """Whether only a read-only /proc may be mounted: a privileged template sees no other (see `template`)."""
        return self.template and not self.rootless


def become(order: dict[str, Any], fds: Sequence[int], nest: Nest, gate: tuple[int, int] | None) -> None:
    """Turn this process, alone in a new pid namespace, into the container that `order` describes. Never returns.

    `fds` are stream, standard output, standard error, status, and the control files of its cgroups. `gate` is a pair of
    pipe ends (tell, wait) to a zygote that writes the maps of this container's own user namespace.
    """
    stream, out, err, status, *groups = fds
    try:
        for group in groups:
            os.write(group, b"0")
            os.close(group)
        keep_to(order["cores"])
        use_standard_streams(out, err)
        separate(order)
        _build(order, nest)
        if gate is not None:
            _own_user_namespace(*gate)
        if order["processes"]:
            init.limit_processes(order["processes"])
        hardening.drop_privileges(filtered=order["filtered"])
        _settle(order)
        init.report(status, up=True)
    except Exception as error:  # noqa: BLE001 - told to the supervisor, whatever it is
        words = error.strerror if isinstance(error, OSError) else None
        init.report(status, error=words or f"{type(error).__name__}: {error}")
        os._exit(1)
    if order["argv"] == []:
        init.lie_idle((stream,))
    init.run(_payload(order, stream, nest), status, (stream,))


def close_others(keep: Sequence[int]) -> None:
    """Close every descriptor that is not in `keep`."""
    start = 0
    for fd in sorted(keep):
        if fd > start:  # an empty range from 0 would mean all
            os.closerange(start, fd)
        start = fd + 1
    os.closerange(start, 1 << 20)


def use_standard_streams(out: int, err: int) -> None:
    null = os.open("/dev/null", os.O_RDONLY)
    for source, target in ((null, 0), (out, 1), (err, 2)):
        os.dup2(source, target)
        os.close(source)


def separate(order: dict[str, Any]) -> None:
    """Leave the mount, ipc, uts and, unless the host's is wanted, network namespaces."""
    flags = kernel.NEWNS | kernel.NEWIPC | kernel.NEWUTS
    if order["network"] == "none":
        kernel.unshare(flags | kernel.NEWNET)
        network.raise_loopback()
    else:
        kernel.unshare(flags)
    kernel.set_hostname(order["hostname"])


def _build(order: dict[str, Any], nest: Nest) -> None:
    first = [HOST + run for run in order.get("first", ())]
    root = overlay.mount_root(HOST + order["stack"], HOST + order["run"], order["counts"], first)
    inside = overlay.Inside(root)
    devices.mount_dev(inside, HOST, order["shm"], order["devices"])
    fresh_sys = not nest.template and (not nest.rootless or order["network"] == "none")
    devices.mount_kernel(inside, HOST, fresh_sys=fresh_sys, frozen_proc=nest.frozen_proc)
    overlay.bind_all(inside, order["mounts"], HOST)
    for volume in order["volumes"]:
        overlay.mount_volume(inside, volume)
    inside.close()
    overlay.enter_root(root)
    if nest.template:
        os.rmdir(HOST)  # where the template's own mount was


def _own_user_namespace(tell: int, wait: int) -> None:
    kernel.unshare(kernel.NEWUSER)
    os.write(tell, b"1")
    if os.read(wait, 1) != b"1":
        raise OSError(0, "the user namespace of the container got no id map")
    os.close(tell)
    os.close(wait)


def _settle(order: dict[str, Any]) -> None:
    set_environment(order)
    os.makedirs(order["workdir"], exist_ok=True)
    os.chdir(order["workdir"])


def set_environment(order: dict[str, Any]) -> None:
    """Nothing but the container's own variables."""
    os.environ.clear()
    os.environ.update({"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8"})
    os.environ.update(dict(order["env"]))
    time.tzset()


def _payload(order: dict[str, Any], stream: int, nest: Nest) -> Callable[[], int]:
    if order["argv"] is None:
        return lambda: nest.guest(socket.socket(fileno=stream), order["python_path"])
    return lambda: _program(order["argv"], stream)


def _program(argv: Sequence[str], stream: int) -> int:
    os.close(stream)
    try:
        os.execvp(argv[0], list(argv))
    except OSError as error:
        os.write(2, f"cannot run {argv[0]}: {error.strerror}\n".encode())
    return 127


def run_guest(sock: socket.socket, python_path: Sequence[str]) -> int:
    """The guest of a container that a zygote forked."""
    adopt_site_packages()
    from intermodal import guest

    return int(guest.main(sock, python_path))


def adopt_site_packages() -> None:
    """See the image's packages: the zygote was started without its layers."""
    importlib.invalidate_caches()
    sys.path_importer_cache.clear()
    for directory in site.getsitepackages():
        if os.path.isdir(directory):
            site.addsitedir(directory)
    flush_by_line()


def flush_by_line() -> None:
    """Give each line of output to the pipe at once: a killed process flushes nothing."""
    if sys.stdout is not None and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
