"""A snapshot template: a container that has run the user's `enter(snap=True)` once, and is forked from then on.

It needs the power to make namespaces for its forks, so it lives in a user namespace of its own, where user code has
none over the host. What its forks mount is shown below one place, read-only, all but the directory of its own
containers; those mounts are made outside of its user namespace, so nothing inside can change them. A privileged
template maps all users one to one, so the only /proc it may see unmasked is a read-only one.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from intermodal_local.runtime import contain, devices, hardening, kernel, messages, overlay

_GUARDED = kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC


Serve = Callable[[socket.socket, contain.Nest], None]


def become(
    order: dict[str, Any],
    fds: Sequence[int],
    nest: contain.Nest,
    gate: tuple[int, int],
    forked: Callable[[int], None],
    serve: Serve,
) -> NoReturn:
    """Turn this fork of a zygote into a template. Never returns.

    `fds` are its control socket, the boot frame's memory file, standard output and error, then the control files of its
    cgroups. `gate` leads to the zygote that writes the maps of its user namespace. `forked` is told the process that
    goes on, and `serve` is what that one does when it is ready: fork containers on request.
    """
    control, boot, out, err, *groups = fds
    sock = socket.socket(fileno=control)
    try:
        for group in groups:
            os.write(group, b"0")
            os.close(group)
        contain.use_standard_streams(out, err)
        contain.separate(order)
        _build(order, nest)
        tell, wait = gate
        kernel.unshare(kernel.NEWUSER | kernel.NEWNS | kernel.NEWPID)
        os.write(tell, b"1")
        if os.read(wait, 1) != b"1":
            raise OSError(0, "its user namespace got no id map")
        os.close(tell)
        os.close(wait)
        child = os.fork()
        if not child:
            _run(order, boot, sock, nest, serve)
        forked(child)
    except OSError as error:
        messages.send(sock, {"t": "void", "id": order["id"], "message": error.strerror or str(error)})
    os._exit(0)


def _build(order: dict[str, Any], nest: contain.Nest) -> None:
    host = contain.HOST
    root = overlay.mount_root(host + order["stack"], host + order["run"], order["counts"])
    inside = overlay.Inside(root)
    devices.mount_dev(inside, host, order["shm"], ())
    inside.bind(f"{host}/sys", "/sys")
    overlay.bind_all(inside, order["mounts"], host)
    inside.mount(host, "tmpfs", _GUARDED, "mode=755,size=1048576")
    shown = [order["stack"], order["run"], *order["lowers"], *(source for source, _ in order["mounts"])]
    for path in dict.fromkeys([*shown, "/sys", *(f"/dev/{name}" for name in devices.NODES)]):
        inside.bind(host + path, host + path) if not path.startswith("/dev/") else _bind_device(inside, path)
    place = inside.place(host + order["containers"], directory=True)
    kernel.bind(host + order["containers"], f"/proc/self/fd/{place}")
    os.close(place)
    inside.mount(f"{host}/proc", "proc", _GUARDED | (0 if nest.rootless else kernel.MS_RDONLY), "hidepid=2")
    kernel.set_mount_flags(root + host, kernel.ATTR_RDONLY, recursive=False)
    inside.close()
    overlay.enter_root(root)


def _bind_device(inside: overlay.Inside, path: str) -> None:
    place = inside.place(contain.HOST + path, directory=False)
    kernel.bind(contain.HOST + path, f"/proc/self/fd/{place}", recursive=False)
    os.close(place)


def _run(order: dict[str, Any], boot: int, sock: socket.socket, nest: contain.Nest, serve: Serve) -> NoReturn:
    """The template itself, process 1 of its pid namespace."""
    why: str | None = None
    try:
        contain.close_others([0, 1, 2, boot, sock.fileno()])
        kernel.mount("proc", "/proc", "proc", _GUARDED | (0 if nest.rootless else kernel.MS_RDONLY))
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        contain.set_environment(order)
        os.makedirs(order["workdir"], exist_ok=True)
        os.chdir(order["workdir"])
        contain.adopt_site_packages()
        hardening.lower_privileges()
        with open(boot, "rb") as file:
            file.seek(0)
            frame = file.read()
        from intermodal import guest

        prepared = guest.prepare(frame, order["python_path"])
        why = prepared.void or _native_threads()
        hardening.raise_privileges()
    except OSError as error:
        why = error.strerror or str(error)
    if why is not None:
        messages.send(sock, {"t": "void", "id": order["id"], "message": why})
        os._exit(0)
    _let_go_of_streams()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    gc.collect()
    gc.freeze()
    serve(sock, contain.Nest(nest.rootless, lambda stream, _: int(guest.serve(stream, prepared)), template=True))
    os._exit(0)


def _native_threads() -> str | None:
    """Libraries that can be forked (OpenBLAS) end their threads before one, so it takes a fork to see which stay."""
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    if len(os.listdir("/proc/self/task")) > 1:
        return "the snapshot is void: a library keeps threads of its own running, and a fork would not have them"
    return None


def _let_go_of_streams() -> None:
    """Its output so far went to the container that asked for it; that one's end must not wait for the template's."""
    sys.stdout.flush()
    sys.stderr.flush()
    null = os.open("/dev/null", os.O_RDWR)
    for target in (1, 2):
        os.dup2(null, target)
    os.close(null)
