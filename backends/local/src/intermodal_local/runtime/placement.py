"""Which zygote or snapshot template a container is forked from."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from intermodal_local.runtime import contain, messages, overlay, plain, userns, zygote_start
from intermodal_local.runtime.cgroups import Cgroups, Group
from intermodal_local.runtime.nursery import Nursery
from intermodal_local.runtime.tenant import Tenant

Message = dict[str, Any]
_PASSED = (
    "id", "env", "workdir", "network", "mounts", "volumes", "python_path", "hostname", "argv", "devices", "shm",
    "cores", "filtered",
)  # fmt: skip


class Events(Protocol):
    """What placement tells the supervisor."""

    def placed(self, name: str, *, boot: bool) -> None:
        """A container will be forked; `boot`: its guest still needs the boot frame."""

    def forked(self, name: str, pidfd: int) -> None:
        """A container's process 1 exists. The descriptor is handed over."""

    def never_started(self, name: str, words: str) -> None:
        """A container could not be forked."""


@dataclass
class Template:
    """A snapshot template in the making, ready, or void."""

    run: str
    containers: str
    nursery: Nursery
    group: Group | None
    void: str | None = None
    asked: list[str] = field(default_factory=list)  #: containers that wait for it to be ready


class Placement:
    """The zygotes and templates of one session."""

    def __init__(
        self,
        run: str,
        cgroups: Cgroups,
        events: Events,
        watch: Callable[[int, Callable[[], None]], None],
        unwatch: Callable[[int], None],
        *,
        rootless: bool,
        mark: str | None,
    ) -> None:
        """`mark` is the session's mark where containers are to be process trees only."""
        self._run = run
        self._cgroups = cgroups
        self._events = events
        self._watch = watch
        self._unwatch = unwatch
        self._rootless = rootless
        self._many_users = rootless and mark is None and userns.available()
        self._plain = mark
        self._zygotes: dict[str, Nursery] = {}
        self._templates: dict[str, Template] = {}
        self._stacks: dict[str, tuple[str, list[int], list[str]]] = {}
        self._home: dict[str, Nursery] = {}
        self._count = 0

    def place(self, tenant: Tenant, message: Message, fds: list[int], boot: int | None, groups: Sequence[int]) -> None:
        """Fork the container soon. `fds` are stream, standard output, standard error, status; all descriptors but
        `boot` are taken over. Raises `OSError`."""
        zygote = self._zygote(message)
        template = None
        if boot is not None:
            template = self._template(zygote, message, boot, fds, tenant)
        tenant.run = f"{template.containers if template else f'{self._run}/c'}/{tenant.id}"
        order = self._plain_order(tenant, message) if self._plain else self._order(tenant, message)
        if template is not None and template.void is None:
            self._home[tenant.id] = template.nursery
            if template.nursery.ready:
                self._events.placed(tenant.id, boot=False)
            else:
                template.asked.append(tenant.id)
            template.nursery.order({**order, "first": [template.run]}, [*fds, *groups])
        else:
            if template is not None:
                _tell_void(fds[2], template)
            self._home[tenant.id] = zygote
            self._events.placed(tenant.id, boot=True)
            zygote.order(order, [*fds, *groups])

    def order(self, name: str, message: Message, fds: Sequence[int]) -> None:
        """Pass on an order about a container that was forked."""
        self._home[name].order(message, fds)

    def zygote_of(self, name: str) -> int:
        """Descriptor of the process in whose namespaces the host is seen, for a container that runs; -1: there is none
        apart from this process's."""
        return self._home[name].pidfd if self._rootless else -1

    def withdraw(self, name: str) -> bool:
        """Whether the container needs not be forked any more, and will not be."""
        return self._home[name].withdraw(name)

    def forget(self, name: str) -> None:
        """A container ended."""
        self._home.pop(name, None)

    def end(self) -> None:
        """End all zygotes, templates and containers."""
        for nursery in [template.nursery for template in self._templates.values()] + list(self._zygotes.values()):
            nursery.end()

    def children(self) -> list[int]:
        """The process ids of the zygotes that are this process's children."""
        return [nursery.child for nursery in self._zygotes.values() if nursery.child is not None]

    def own_process_limit(self, tenant: Tenant) -> int | None:
        """The limit for the container's own user namespace, where no cgroup enforces it."""
        return tenant.process_limit if self._rootless and "pids" not in self._cgroups.available else None

    def _order(self, tenant: Tenant, message: Message) -> Message:
        stack, counts, _ = self._stack(message["layers"], message["base"])
        overlay.make_upper(tenant.run, None, "", local=bool(counts[2]))
        _write_hosts(f"{tenant.run}/root", message["hostname"])
        return {
            **{key: message[key] for key in _PASSED},
            "t": "start",
            "stack": stack,
            "counts": counts,
            "run": tenant.run,
            "processes": self.own_process_limit(tenant),
        }

    def _plain_order(self, tenant: Tenant, message: Message) -> Message:
        plain.lay_out(tenant.run, message["mounts"])
        return {**{key: message[key] for key in _PASSED}, "t": "start", "run": tenant.run}

    def _stack(self, layers: list[str], base: dict[str, list[str]]) -> tuple[str, list[int], list[str]]:
        key = repr((layers, base))
        known = self._stacks.get(key)
        if known is None:
            lowers = overlay.lowers_of(layers, base)
            path = f"{self._run}/stacks/{len(self._stacks)}"
            overlay.make_stack(path, lowers, contain.HOST)
            directories = [directory for part in lowers.values() for directory in part]
            known = self._stacks[key] = (path, overlay.counts(lowers), directories)
        return known

    # ---- zygotes

    def _zygote(self, message: Message) -> Nursery:
        key = _zygote_key(message)
        known = self._zygotes.get(key)
        if known is not None:
            return known
        self._count += 1
        run = f"{self._run}/z{self._count}"
        started = self._start_plain(run, message) if self._plain else self._start(run, message)
        nursery = self._zygotes[key] = Nursery(started.control, os.pidfd_open(started.pid), started.pid)
        self._watch(nursery.control.fileno(), lambda: self._from_zygote(key, nursery, started.run))
        return nursery

    def _start(self, run: str, message: Message) -> zygote_start.StartedZygote:
        try:
            return self._try_start(run, message)
        except OSError:
            if not self._many_users:
                raise
            self._many_users = False  # newuidmap is there, but refuses
            return self._try_start(f"{run}s", message)

    def _try_start(self, run: str, message: Message) -> zygote_start.StartedZygote:
        lowers = overlay.lowers_of((), message["base"])
        stack = f"{self._run}/stacks/{os.path.basename(run)}"
        overlay.make_stack(stack, lowers, "")
        plan = zygote_start.ZygotePlan(
            run=run,
            stack=stack,
            counts=overlay.counts(lowers),
            executable=message["executable"],
            bundle=tuple(message["bundle"]) if message["bundle"] else None,
            rootless=self._rootless,
            many_users=self._many_users,
        )
        return zygote_start.start(plan)

    def _start_plain(self, run: str, message: Message) -> zygote_start.StartedZygote:
        bundle = message["bundle"][0] if message["bundle"] else ""
        return zygote_start.start_plain(run, message["executable"], bundle, self._plain or "")

    def _from_zygote(self, key: str, nursery: Nursery, run: str) -> None:
        received = nursery.receive()
        if received is not None:
            self._answer(*received)
            return
        self._unwatch(nursery.control.fileno())
        words = zygote_start.last_words(run) or "no word from it"
        nursery.end()
        del self._zygotes[key]
        what = "ended" if nursery.ready else "did not start"
        self._lose(nursery, f"the interpreter of its image {what}: {words}")

    def _answer(self, message: Message, fds: list[int]) -> None:
        if message["t"] == "forked":
            template = self._by_run(message["id"])
            if template is not None:
                template.nursery.pidfd = fds.pop()
            else:
                self._events.forked(message["id"], fds.pop())
        elif message["t"] == "failed":
            self._events.never_started(message["id"], message["message"])
        for fd in fds:
            os.close(fd)

    def _lose(self, nursery: Nursery, words: str) -> None:
        for name in [name for name, home in self._home.items() if home is nursery]:
            self._events.never_started(name, words)

    # ---- templates

    def _template(self, zygote: Nursery, message: Message, boot: int, fds: Sequence[int], tenant: Tenant) -> Template:
        key = repr((_zygote_key(message), message["layers"], message["snapshot"]))
        known = self._templates.get(key)
        if known is not None:
            return known
        self._count += 1
        run = f"{self._run}/t{self._count}"
        stack, counts, lowers = self._stack(message["layers"], message["base"])
        overlay.make_upper(run, None, "", local=bool(counts[2]))
        os.mkdir(f"{run}c")
        ours, theirs = messages.pair()
        template = self._templates[key] = Template(run, f"{run}c", Nursery(ours), self._template_group(tenant))
        if message["volumes"]:
            template.void = "a snapshot is not used for containers with volumes"
        if message["devices"]:
            template.void = "a snapshot is not used for containers with accelerators"
        self._watch(ours.fileno(), lambda: self._from_template(key, template, zygote))
        order = {
            **{name: message[name] for name in _PASSED},
            "t": "template",
            "volumes": [],  # what a container writes to is its own
            "id": run,
            "stack": stack,
            "counts": counts,
            "run": run,
            "lowers": lowers,
            "containers": template.containers,
        }
        groups = template.group.control_fds() if template.group else []
        with theirs:
            zygote.order(order, [os.dup(fd) for fd in (theirs.fileno(), boot, fds[1], fds[2])] + groups)
        return template

    def _template_group(self, tenant: Tenant) -> Group | None:
        if not self._cgroups.available:
            return None
        name = f"template-{self._count}"
        return self._cgroups.create(name, memory=tenant.memory_limit, pids=tenant.process_limit, cpu=None)

    def _from_template(self, key: str, template: Template, zygote: Nursery) -> None:
        received = template.nursery.receive()
        if received is None:
            self._template_ended(key, template, zygote)
            return
        message, fds = received
        if message["t"] == "ready":
            for name in template.asked:
                self._events.placed(name, boot=False)
            template.asked.clear()
        elif message["t"] == "void":
            template.void = message["message"]
        else:
            self._answer(message, fds)

    def _template_ended(self, key: str, template: Template, zygote: Nursery) -> None:
        self._unwatch(template.nursery.control.fileno())
        orders = template.nursery.take_back()
        template.nursery.end()
        if template.nursery.ready:
            del self._templates[key]
        elif template.void is None:
            template.void = "the snapshot is void: the process that made it ended"
        for order, fds in orders:
            del order["first"]
            _tell_void(fds[2], template)
            self._home[order["id"]] = zygote
            self._events.placed(order["id"], boot=True)
            zygote.order(order, fds)
        template.asked.clear()
        self._lose(template.nursery, "the snapshot that it was to be forked from ended")

    def _by_run(self, run: str) -> Template | None:
        return next((template for template in self._templates.values() if template.run == run), None)


def _zygote_key(message: Message) -> str:
    return repr((message["base"], message["executable"], message["bundle"]))


def _tell_void(stderr: int, template: Template) -> None:
    try:
        os.write(
            stderr, f"intermodal: {template.void or 'its snapshot ended'}; this container starts without it\n".encode()
        )
    except OSError:
        pass


def _write_hosts(root: str, hostname: str) -> None:
    os.mkdir(f"{root}/etc")
    with open("/etc/hosts") as file:
        text = file.read()
    with open(f"{root}/etc/hosts", "w") as file:
        file.write(f"{text.rstrip()}\n127.0.1.1\t{hostname}\n")
