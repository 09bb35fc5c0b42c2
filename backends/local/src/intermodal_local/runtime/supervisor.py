"""The supervisor of one session: it alone keeps containers, and removes every trace of them when the session ends."""

from __future__ import annotations

import fcntl
import json
import os
import select
import selectors
import signal
import socket
import sys
import time
from typing import Any, Callable

from intermodal_local.runtime import advice, cleanup, contain, kernel, messages, overlay, sampling
from intermodal_local.runtime.cgroups import Cgroups, Group
from intermodal_local.runtime.nursery import Nursery
from intermodal_local.runtime.reservations import Reservations
from intermodal_local.runtime.tenant import Tenant
from intermodal_local.runtime.zygote_start import ZygotePlan

_SAMPLE_SECONDS = 0.05
_RETRY_SECONDS = 0.02


class Supervisor:
    """Serves one launcher over `client` until it goes away."""

    def __init__(self, client: socket.socket, options: dict[str, Any]) -> None:
        self._client = client
        self._rootless = not advice.privileged()
        self._data: str = options["data"]
        self._session: str = options["session"]
        self._run = _session_directory(f"{self._data}/local/runs", self._session)
        self._cgroups = Cgroups(self._session)
        with open(f"{self._run}/cgroups", "w") as file:
            file.write("\n".join(self._cgroups.directories()))
        self._reservations = Reservations(
            f"{self._data}/locks/reservations", self._session, options["cpu"], options["memory"]
        )
        self._selector = selectors.DefaultSelector()
        self._tenants: dict[str, Tenant] = {}
        self._zygotes: dict[str, Nursery] = {}
        self._home: dict[str, Nursery] = {}
        self._stacks: dict[str, tuple[str, list[int]]] = {}
        self._groups_left: list[Group] = []
        self._zygote_count = 0
        self._ended = False

    def serve(self) -> None:
        """Until the launcher closes its end or its process ends."""
        self._watch(self._client.fileno(), self._from_client)
        owner = os.pidfd_open(os.getppid())
        self._watch(owner, self._end)
        messages.send(self._client, {"t": "hello", "limits": sorted(self._cgroups.available), "run": self._run})
        self._aside(lambda: cleanup.reap_leftovers(f"{self._data}/local/runs"), lambda: None)
        while not self._ended:
            timeout = self._timeout()
            for key, _ in self._selector.select(timeout):
                if key.fd in self._selector.get_map():
                    key.data()
            if timeout is not None:
                self._sample()
                self._groups_left = [group for group in self._groups_left if not group.remove()]
        self._shut_down()

    def _timeout(self) -> float | None:
        if self._groups_left:
            return _RETRY_SECONDS
        return _SAMPLE_SECONDS if any(self._sampled(tenant) for tenant in self._tenants.values()) else None

    def _watch(self, fd: int, action: Callable[[], None]) -> None:
        self._selector.register(fd, selectors.EVENT_READ, action)

    def _aside(self, action: Callable[[], None], then: Callable[[], None]) -> None:
        """Do what takes long in a process of its own."""
        pid = os.fork()
        if not pid:
            try:
                action()
            finally:
                os._exit(0)
        pidfd = os.pidfd_open(pid)

        def done() -> None:
            self._selector.unregister(pidfd)
            os.close(pidfd)
            os.waitpid(pid, 0)
            then()

        self._watch(pidfd, done)

    def _end(self) -> None:
        self._ended = True

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
            return
        if message["t"] == "kill":
            self._kill(tenant)
        elif message["t"] == "exec":
            tenant.execs.append((message, fds))
            self._run_execs(tenant)
        elif message["t"] == "parked":
            self._reservations.change(tenant.id, 0.0 if message["parked"] else tenant.cpu)

    def _launch(self, message: dict[str, Any], fds: list[int]) -> None:
        name = message["id"]
        missing = self._reservations.take(name, message["cpu"], message["memory"])
        if missing is not None:
            self._answer("busy", name, missing, fds)
            return
        tenant = Tenant(
            name,
            f"{self._run}/c/{name}",
            message["cpu"],
            message["memory_limit"],
            message["processes"],
            leases=fds[3:],
        )
        try:
            order = self._prepare(tenant, message)
            nursery = self._zygote(message)
        except OSError as error:
            self._discard(tenant)
            self._answer("refused", name, str(error), fds[:3])
            return
        self._tenants[name] = tenant
        self._home[name] = nursery
        status, tell = os.pipe2(os.O_CLOEXEC)
        tenant.status = status
        self._watch(status, lambda: self._words(tenant))
        groups = tenant.group.control_fds() if tenant.group else []
        nursery.order(order, [*fds[:3], tell, *groups])
        messages.send(self._client, {"t": "launched", "id": name})

    def _run_execs(self, tenant: Tenant) -> None:
        while tenant.execs and tenant.up:
            message, fds = tenant.execs.pop(0)
            groups = tenant.group.control_fds() if tenant.group else []
            order = {**message, "id": f"exec {tenant.id}", "processes": self._own_process_limit(tenant)}
            self._home[tenant.id].order(order, [os.dup(tenant.pidfd), *fds, *groups])

    def _own_process_limit(self, tenant: Tenant) -> int | None:
        """The limit for the container's own user namespace, where no cgroup enforces it."""
        return tenant.process_limit if self._rootless and "pids" not in self._cgroups.available else None

    def _answer(self, kind: str, name: str, words: str, fds: list[int]) -> None:
        for fd in fds:
            os.close(fd)
        messages.send(self._client, {"t": kind, "id": name, "message": words})

    def _prepare(self, tenant: Tenant, message: dict[str, Any]) -> dict[str, Any]:
        stack, counts = self._stack(message["layers"], message["base"])
        overlay.make_upper(tenant.run, None, "", local=bool(counts[2]))
        _write_hosts(f"{tenant.run}/root", message["hostname"])
        if self._cgroups.available:
            tenant.group = self._cgroups.create(
                tenant.id, memory=tenant.memory_limit, pids=tenant.process_limit, cpu=message["cpu_limit"]
            )
        passed = ("id", "env", "workdir", "network", "mounts", "python_path", "hostname", "argv", "devices", "shm")
        order = {key: message[key] for key in passed}
        return {
            **order,
            "t": "start",
            "stack": stack,
            "counts": counts,
            "run": tenant.run,
            "processes": self._own_process_limit(tenant),
        }

    def _stack(self, layers: list[str], base: dict[str, Any]) -> tuple[str, list[int]]:
        key = repr((layers, base))
        known = self._stacks.get(key)
        if known is None:
            lowers = overlay.lowers_of(layers, base)
            path = f"{self._run}/stacks/{len(self._stacks)}"
            overlay.make_stack(path, lowers, contain.HOST)
            known = self._stacks[key] = (path, overlay.counts(lowers))
        return known

    # ---- zygotes

    def _zygote(self, message: dict[str, Any]) -> Nursery:
        bundle = message["bundle"]
        key = repr((message["base"], message["executable"], bundle))
        nursery = self._zygotes.get(key)
        if nursery is not None:
            return nursery
        lowers = overlay.lowers_of((), message["base"])
        number = self._zygote_count = self._zygote_count + 1
        stack = f"{self._run}/stacks/z{number}"
        overlay.make_stack(stack, lowers, "")
        plan = ZygotePlan(
            run=f"{self._run}/z{number}",
            stack=stack,
            counts=overlay.counts(lowers),
            executable=message["executable"],
            bundle=tuple(bundle) if bundle else None,
            rootless=self._rootless,
        )
        nursery = self._zygotes[key] = Nursery(plan)
        self._watch(nursery.fileno(), lambda: self._from_zygote(key, nursery))
        return nursery

    def _from_zygote(self, key: str, nursery: Nursery) -> None:
        received = nursery.receive()
        if received is None:
            self._zygote_ended(key, nursery)
            return
        message, fds = received
        tenant = self._tenants.get(message.get("id", ""))
        if message["t"] == "forked" and tenant is not None:
            tenant.pidfd = fds.pop()
            self._watch(tenant.pidfd, lambda: self._dead(tenant))
            if tenant.killed:
                tenant.kill()
        elif message["t"] == "failed" and tenant is not None:
            self._never_started(tenant, message["message"])
        for fd in fds:
            os.close(fd)

    def _zygote_ended(self, key: str, nursery: Nursery) -> None:
        self._selector.unregister(nursery.fileno())
        nursery.end()
        del self._zygotes[key]
        words = nursery.last_words()
        what = "the interpreter of its image ended" if nursery.ready else "the interpreter of its image did not start"
        for name in [name for name, home in self._home.items() if home is nursery]:
            tenant = self._tenants[name]
            tenant.lost = True
            if tenant.pidfd < 0:
                self._never_started(tenant, f"{what}: {words or 'no word from it'}")

    # ---- ends

    def _kill(self, tenant: Tenant) -> None:
        tenant.killed = True
        tenant.kill()
        if tenant.pidfd < 0 and self._home[tenant.id].withdraw(tenant.id):
            self._finish(tenant)

    def _words(self, tenant: Tenant) -> None:
        data = os.read(tenant.status, 4096)
        if data:
            tenant.words += data
            self._run_execs(tenant)
        else:
            self._selector.unregister(tenant.status)

    def _never_started(self, tenant: Tenant, words: str) -> None:
        if words:
            tenant.words += json.dumps({"error": words}).encode()
        self._finish(tenant)

    def _dead(self, tenant: Tenant) -> None:
        while select.select([tenant.status], [], [], 0)[0]:
            data = os.read(tenant.status, 4096)
            if not data:
                break
            tenant.words += data
        self._finish(tenant)

    def _finish(self, tenant: Tenant) -> None:
        for fd in (tenant.status, tenant.pidfd):
            if fd >= 0 and fd in self._selector.get_map():
                self._selector.unregister(fd)
        ending = {"t": "exit", "id": tenant.id, **tenant.exit()}
        del self._tenants[tenant.id]
        del self._home[tenant.id]
        if cleanup.remove_quickly(tenant.run):
            self._gone(tenant, ending)
            return
        self._aside(lambda: cleanup.remove(tenant.run), lambda: self._gone(tenant, ending))

    def _gone(self, tenant: Tenant, ending: dict[str, Any]) -> None:
        self._discard(tenant)
        try:
            messages.send(self._client, ending)
        except OSError:
            self._end()

    def _discard(self, tenant: Tenant) -> None:
        tenant.close()
        self._reservations.drop(tenant.id)
        cleanup.remove_quickly(tenant.run)
        if tenant.group is not None and not tenant.group.remove():
            self._groups_left.append(tenant.group)

    def _shut_down(self) -> None:
        self._client.close()
        for nursery in self._zygotes.values():
            nursery.end()
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
        return memory or not (self._rootless or "pids" in self._cgroups.available)

    def _sample(self) -> None:
        for tenant in self._tenants.values():
            root = sampling.process_of(tenant.pidfd) if self._sampled(tenant) else None
            if root is None:
                continue
            pids = sampling.tree(root)
            if len(pids) > tenant.process_limit:
                tenant.over = "pids"
            if tenant.memory_limit is not None and "memory" not in self._cgroups.available:
                used = sampling.memory_used(pids, tenant.memory_limit)
                tenant.peak = max(tenant.peak, used)
                if used > tenant.memory_limit:
                    tenant.over = "memory"
            if tenant.over:
                tenant.kill()


def _session_directory(runs: str, session: str) -> str:
    """The session's own directory, locked for as long as this process lives: whoever can lock it may remove it."""
    os.makedirs(runs, exist_ok=True)
    fresh = f"{runs}/.new-{session}"
    os.makedirs(f"{fresh}/stacks")
    os.mkdir(f"{fresh}/c")
    fcntl.flock(os.open(f"{fresh}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), fcntl.LOCK_EX)
    os.rename(fresh, f"{runs}/{session}")
    return f"{runs}/{session}"


def _write_hosts(root: str, hostname: str) -> None:
    os.mkdir(f"{root}/etc")
    with open("/etc/hosts") as file:
        text = file.read()
    with open(f"{root}/etc/hosts", "w") as file:
        file.write(f"{text.rstrip()}\n127.0.1.1\t{hostname}\n")


def main() -> None:
    """Run as a supervisor: the launcher's socket is descriptor argv[1], the first message on it has the options."""
    client = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(client.fileno(), False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    received = messages.receive(client)
    if received is not None:
        Supervisor(client, received[0]).serve()
