"""The supervisor of one session: it alone keeps containers, and removes every trace of them when the session ends."""

from __future__ import annotations

import json
import os
import select
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from intermodal_local.runtime import advice, cleanup, hunting, kernel, messages, sampling
from intermodal_local.runtime.cgroups import Cgroups, Group
from intermodal_local.runtime.cores import Cores
from intermodal_local.runtime.placement import Placement
from intermodal_local.runtime.reservations import Reservations
from intermodal_local.runtime.runs import session_directory
from intermodal_local.runtime.tenant import Tenant

_SAMPLE_SECONDS = 0.05
_RETRY_SECONDS = 0.02


class Supervisor:
    """Serves one launcher over `client` until it goes away."""

    def __init__(self, client: socket.socket, options: dict[str, Any]) -> None:
        self._client = client
        self._rootless = not advice.privileged()
        self._data: str = options["data"]
        self._session: str = options["session"]
        self._run = session_directory(f"{self._data}/local/runs", self._session)
        self._mark = self._session if options["isolation"] == "process" else None
        self._helpers: set[int] = set()
        self._cgroups = Cgroups(self._session)
        self._cores = Cores()
        with open(f"{self._run}/cgroups", "w") as file:
            file.write("\n".join(self._cgroups.directories()))
        self._reservations = Reservations(
            f"{self._data}/locks/reservations", self._session, options["cpu"], options["memory"]
        )
        self._selector = selectors.DefaultSelector()
        self._tenants: dict[str, Tenant] = {}
        self._placement = Placement(
            self._run, self._cgroups, self, self._watch, self._unwatch, rootless=self._rootless, mark=self._mark
        )
        self._groups_left: list[Group] = []
        self._ended = False

    def serve(self) -> None:
        """Until the launcher closes its end or its process ends."""
        try:
            self._serve()
        finally:
            self._shut_down()

    def _serve(self) -> None:
        self._watch(self._client.fileno(), self._from_client)
        owner = os.pidfd_open(os.getppid())
        self._watch(owner, self._end)
        self._tell({"t": "hello", "limits": sorted(self._cgroups.available), "run": self._run})
        self._aside(lambda: cleanup.reap_leftovers(f"{self._data}/local/runs"), lambda: None)
        while not self._ended:
            timeout = self._timeout()
            for key, _ in self._selector.select(timeout):
                if key.fd in self._selector.get_map():
                    key.data()
            if timeout is not None:
                self._sample()
                self._groups_left = [group for group in self._groups_left if not group.remove()]

    def _timeout(self) -> float | None:
        if self._groups_left:
            return _RETRY_SECONDS
        return _SAMPLE_SECONDS if any(self._sampled(tenant) for tenant in self._tenants.values()) else None

    def _watch(self, fd: int, action: Callable[[], None]) -> None:
        self._selector.register(fd, selectors.EVENT_READ, action)

    def _unwatch(self, fd: int) -> None:
        self._selector.unregister(fd)

    def _aside(self, action: Callable[[], None], then: Callable[[], None]) -> None:
        """Do what takes long in a process of its own."""
        pid = os.fork()
        if not pid:
            try:
                action()
            finally:
                os._exit(0)
        pidfd = os.pidfd_open(pid)
        self._helpers.add(pid)

        def done() -> None:
            self._selector.unregister(pidfd)
            os.close(pidfd)
            os.waitpid(pid, 0)
            self._helpers.discard(pid)
            then()

        self._watch(pidfd, done)

    def _end(self) -> None:
        self._ended = True

    def _tell(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Tell the launcher. One that is gone hears nothing any more; then this supervisor ends, too."""
        try:
            messages.send(self._client, message, fds)
        except OSError:
            self._end()

    # ---- the launcher's orders

    def _from_client(self) -> None:
        try:
            received = messages.receive(self._client)
        except ConnectionError:
            received = None
        if received is None:
            self._end()
            return
        message, fds = received
        if message["t"] == "launch":
            self._launch(message, fds)
            return
        tenant = self._tenants.get(message["id"])
        if tenant is None:
            for fd in fds:
                os.close(fd)
            if "answer" in message:
                self._tell({"t": "refused", "id": message["answer"], "message": "the container has ended"})
            return
        if message["t"] == "kill":
            self._kill(tenant)
        elif message["t"] == "exec":
            tenant.execs.append((message, fds))
            self._run_execs(tenant)
        elif message["t"] == "into":
            tenant.asked_into.append(message["answer"])
            self._show_into(tenant)
        elif message["t"] == "parked":
            self._reservations.change(tenant.id, 0.0 if message["parked"] else tenant.cpu)

    def _launch(self, message: dict[str, Any], fds: list[int]) -> None:
        name = message["id"]
        missing = self._reservations.take(name, message["cpu"], message["memory"])
        if missing is not None:
            self._refuse("busy", name, missing, fds)
            return
        boot = fds.pop(3) if message["snapshot"] is not None else None
        message["cores"] = [] if "cpu" in self._cgroups.available else self._cores.take(message["cpu_limit"])
        tenant = Tenant(
            name,
            "",
            message["cpu"],
            message["memory_limit"],
            message["processes"],
            bool(self._mark),
            message["filtered"],
            message["cores"],
            leases=fds[3:],
        )
        del fds[3:]
        try:
            self._start(tenant, message, fds, boot)
        except OSError as error:
            self._discard(tenant)
            self._refuse("refused", name, error.strerror or str(error), fds)
        finally:
            if boot is not None:
                os.close(boot)

    def _start(self, tenant: Tenant, message: dict[str, Any], fds: list[int], boot: int | None) -> None:
        if self._cgroups.available:
            tenant.group = self._cgroups.create(
                tenant.id, memory=tenant.memory_limit, pids=tenant.process_limit, cpu=message["cpu_limit"]
            )
        status, tell = os.pipe2(os.O_CLOEXEC)
        tenant.status = status
        self._tenants[tenant.id] = tenant
        try:
            groups = tenant.group.control_fds() if tenant.group else []
            self._placement.place(tenant, message, [*fds, tell], boot, groups)
        except OSError:
            os.close(tell)
            del self._tenants[tenant.id]
            raise
        self._watch(status, lambda: self._words(tenant))

    def _refuse(self, kind: str, name: str, words: str, fds: list[int]) -> None:
        for fd in fds:
            os.close(fd)
        self._tell({"t": kind, "id": name, "message": words})

    def _run_execs(self, tenant: Tenant) -> None:
        while tenant.execs and tenant.up:
            message, fds = tenant.execs.pop(0)
            groups = tenant.group.control_fds() if tenant.group else []
            order = {
                **message,
                "id": f"exec {tenant.id}",
                "processes": self._placement.own_process_limit(tenant),
                "filtered": tenant.filtered,
                "cores": tenant.cores,
            }
            self._placement.order(tenant.id, order, [os.dup(tenant.pidfd), *fds, *groups])

    def _show_into(self, tenant: Tenant) -> None:
        """Hand out the descriptors of a container and of what sees the host's directories, to mount from there."""
        while tenant.asked_into and tenant.up and tenant.pidfd >= 0:
            zygote = self._placement.zygote_of(tenant.id)
            fds = [tenant.pidfd] if zygote < 0 else [tenant.pidfd, zygote]
            self._tell({"t": "into", "id": tenant.asked_into.pop(0)}, fds)

    # ---- what placement tells

    def placed(self, name: str, *, boot: bool) -> None:
        """See `placement.Events`."""
        self._tell({"t": "launched", "id": name, "boot": boot})

    def forked(self, name: str, pidfd: int) -> None:
        """See `placement.Events`."""
        tenant = self._tenants.get(name)
        if tenant is None:
            os.close(pidfd)
            return
        tenant.pidfd = pidfd
        self._watch(pidfd, lambda: self._dead(tenant))
        self._show_into(tenant)
        if tenant.killed:
            tenant.kill()

    def never_started(self, name: str, words: str) -> None:
        """See `placement.Events`. A container that was forked ends by itself when its zygote does."""
        tenant = self._tenants.get(name)
        if tenant is None:
            return
        tenant.lost = True
        if tenant.pidfd < 0:
            tenant.words += json.dumps({"error": words}).encode()
            self._finish(tenant)

    # ---- ends

    def _kill(self, tenant: Tenant) -> None:
        tenant.killed = True
        tenant.kill()
        if tenant.pidfd < 0 and self._placement.withdraw(tenant.id):
            self._finish(tenant)

    def _words(self, tenant: Tenant) -> None:
        data = os.read(tenant.status, 4096)
        if data:
            tenant.words += data
            self._run_execs(tenant)
            self._show_into(tenant)
        else:
            self._selector.unregister(tenant.status)

    def _dead(self, tenant: Tenant) -> None:
        while select.select([tenant.status], [], [], 0)[0]:
            data = os.read(tenant.status, 4096)
            if not data:
                break
            tenant.words += data
        self._finish(tenant)

    def _finish(self, tenant: Tenant) -> None:
        self._kill_strays()
        for fd in (tenant.status, tenant.pidfd):
            if fd >= 0 and fd in self._selector.get_map():
                self._selector.unregister(fd)
        for question in tenant.asked_into:
            self._tell({"t": "refused", "id": question, "message": "the container has ended"})
        ending = {"t": "exit", "id": tenant.id, **tenant.exit()}
        del self._tenants[tenant.id]
        self._placement.forget(tenant.id)
        if cleanup.remove_quickly(tenant.run):
            self._gone(tenant, ending)
            return
        self._aside(lambda: cleanup.remove(tenant.run), lambda: self._gone(tenant, ending))

    def _gone(self, tenant: Tenant, ending: dict[str, Any]) -> None:
        self._discard(tenant)
        self._tell(ending)

    def _discard(self, tenant: Tenant) -> None:
        tenant.close()
        self._cores.give(tenant.cores)
        self._reservations.drop(tenant.id)
        cleanup.remove_quickly(tenant.run)
        if tenant.group is not None and not tenant.group.remove():
            self._groups_left.append(tenant.group)

    def _kill_strays(self) -> None:
        """Without pid namespaces, what a dead container left behind has become a child of this process."""
        if self._mark:
            hunting.kill_strays([*self._helpers, *self._placement.children()])

    def _shut_down(self) -> None:
        self._client.close()
        if self._mark:
            for tenant in self._tenants.values():
                tenant.kill()
        self._placement.end()
        self._kill_strays()
        for tenant in self._tenants.values():
            while tenant.group is not None and not tenant.group.remove():
                time.sleep(0.001)
            tenant.close()
        while not self._cgroups.remove():
            time.sleep(0.001)
        self._reservations.close()
        cleanup.remove(self._run)

    # ---- limits that no cgroup enforces

    def _sampled(self, tenant: Tenant) -> bool:
        if tenant.pidfd < 0:
            return False
        memory = tenant.memory_limit is not None and "memory" not in self._cgroups.available
        return memory or ((tenant.plain or not self._rootless) and "pids" not in self._cgroups.available)

    def _sample(self) -> None:
        for tenant in self._tenants.values():
            root = sampling.process_of(tenant.pidfd) if self._sampled(tenant) else None
            if root is None:
                continue
            pids = list(sampling.trees(root))
            if len(pids) > tenant.process_limit:
                tenant.over = "pids"
            if tenant.memory_limit is not None and "memory" not in self._cgroups.available:
                used = sampling.memory_used(pids, tenant.memory_limit, own_shm=not tenant.plain)
                tenant.peak = max(tenant.peak, used)
                if used > tenant.memory_limit:
                    tenant.over = "memory"
            if tenant.over:
                tenant.kill()


def main() -> None:
    """Run as a supervisor: the launcher's socket is descriptor argv[1], the first message on it has the options."""
    client = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(client.fileno(), False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGCONT)  # it cleans up then, even where somebody has stopped it
    received = messages.receive(client)
    if received is not None:
        Supervisor(client, received[0]).serve()
