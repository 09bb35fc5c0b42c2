"""A zygote: an interpreter with the guest loaded, alone in its own root, that forks containers on request.

It is process 1 of a pid namespace that holds all of its containers: when it ends, however, the kernel ends them.
"""

from __future__ import annotations

import functools
import gc
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

from intermodal_local.runtime import contain, hardening, joining, kernel, messages, plain, template


def main() -> None:
    """Run as a zygote; the control socket and options come by environment of the starter."""
    control = socket.socket(fileno=int(sys.argv[1]))
    kind = sys.argv[2]
    bundle = sys.argv[3]
    if messages.receive(control) is None:
        return
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _preload(bundle)
    hardening.prepare()
    gc.collect()
    gc.freeze()
    make = PlainZygote if kind == "plain" else Zygote
    make(control, contain.Nest(kind == "rootless", contain.run_guest)).serve()


def _preload(bundle: str) -> None:
    del sys.path[0]
    sys.argv[:] = [""]
    if bundle:
        sys.path.insert(0, bundle)
        from intermodal import guest

        guest.preload()


class Zygote:
    """Answers a supervisor's orders, one after another."""

    def __init__(self, control: socket.socket, nest: contain.Nest) -> None:
        self._control = control
        self._nest = nest
        self._own_pids = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def serve(self) -> None:
        """Until the supervisor goes away."""
        messages.send(self._control, {"t": "ready"})
        while True:
            received = messages.receive(self._control)
            if received is None:
                os._exit(0)
            order, fds = received
            try:
                if order["t"] == "start":
                    self._start(order, fds)
                elif order["t"] == "exec":
                    self._join(order, fds)
                else:
                    self._make_template(order, fds)
            except OSError as error:
                messages.send(self._control, {"t": "failed", "id": order["id"], "message": str(error)})
            for fd in fds:
                os.close(fd)

    def _start(self, order: dict[str, Any], fds: Sequence[int]) -> None:
        gate = Gate() if self._nest.rootless else None
        kernel.unshare(kernel.NEWPID)
        try:
            child = os.fork()
            if not child:
                self._be_container(order, fds, gate)
        finally:
            kernel.setns(self._own_pids, kernel.NEWPID)
        self._tell_forked(order["id"], child)
        if gate is not None:
            gate.map_ids(child)

    def _make_template(self, order: dict[str, Any], fds: Sequence[int]) -> None:
        gate = Gate()
        child = os.fork()
        if not child:
            try:
                contain.close_others([0, 1, 2, self._control.fileno(), *fds, *gate.inner])
                told = functools.partial(self._tell_forked, order["id"])
                template.become(order, fds, self._nest, gate.inner, told, _serve)
            finally:
                os._exit(1)
        gate.map_ids(child)

    def _join(self, order: dict[str, Any], fds: Sequence[int]) -> None:
        if not os.fork():
            try:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                contain.close_others([0, 1, 2, *fds])
                joining.join(order, fds, rootless=self._nest.rootless)
            finally:
                os._exit(1)
        messages.send(self._control, {"t": "joined", "id": order["id"]})

    def _be_container(self, order: dict[str, Any], fds: Sequence[int], gate: Gate | None) -> None:
        try:
            if self._nest.template:  # the user's own descriptors are part of the snapshot
                self._control.close()
                os.close(self._own_pids)
                if gate is not None:
                    gate.close()
            else:
                contain.close_others([0, 1, 2, *fds, *(gate.inner if gate else ())])
            contain.become(order, fds, self._nest, gate.inner if gate else None)
        finally:
            os._exit(1)

    def _tell_forked(self, name: str, child: int) -> None:
        pidfd = os.pidfd_open(child)
        try:
            messages.send(self._control, {"t": "forked", "id": name}, [pidfd])
        finally:
            os.close(pidfd)


class PlainZygote(Zygote):
    """Forks containers that are only process trees."""

    def _start(self, order: dict[str, Any], fds: Sequence[int]) -> None:
        child = os.fork()
        if not child:
            try:
                contain.close_others([0, 1, 2, *fds])
                plain.become(order, fds)
            finally:
                os._exit(1)
        self._tell_forked(order["id"], child)


def _serve(control: socket.socket, nest: contain.Nest) -> None:
    Zygote(control, nest).serve()


class Gate:
    """Lets a zygote write the id maps of the user namespace that its fork makes for itself."""

    def __init__(self) -> None:
        self._wait, tell = os.pipe()
        wait, self._tell = os.pipe()
        self.inner = (tell, wait)

    def map_ids(self, child: int) -> None:
        """Wait until the fork is in its namespace, then map it one to one."""
        for fd in self.inner:
            os.close(fd)
        try:
            if os.read(self._wait, 1) != b"1":
                return
            for name in ("uid_map", "gid_map"):
                with open(f"/proc/self/{name}") as file:
                    ranges = [line.split() for line in file]
                with open(f"/proc/{child}/{name}", "w") as file:
                    file.write("".join(f"{inside} {inside} {count}\n" for inside, _, count in ranges))
            os.write(self._tell, b"1")
        except OSError:
            return  # the container ended meanwhile, or reads the missing answer as its error
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the zygote's ends."""
        os.close(self._wait)
        os.close(self._tell)
