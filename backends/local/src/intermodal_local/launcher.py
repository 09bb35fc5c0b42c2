"""The launch role: asks a supervisor for containers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from intermodal.exception import CapabilityNotSupported
from intermodal.plugins import BuiltImage, ContainerExit, GpuLease, LaunchBusy, LaunchRefused, OutputSink
from intermodal.plugins.mounter import Mounter, overlay
from intermodal.specs import ContainerSpec, ResourceTotals
from intermodal_local.base import Base, prepare_base
from intermodal_local.container import LocalContainer
from intermodal_local.gpus import device_nodes
from intermodal_local.images.snapshots import Keeping, layers_of
from intermodal_local.link import Link
from intermodal_local.outward import check
from intermodal_local.rootfs import Python, Rootfs
from intermodal_local.runtime import advice, cleanup
from intermodal_local.runtime.contain import HOST

__all__ = ["LocalLauncher", "machine_cpu", "machine_memory"]

#: Where core mounts the guest bundle.
GUEST = "/opt/intermodal/guest"
PROCESS_LIMIT = 2048
_MIB = 1 << 20

#: What the supervisor says, and descriptors.
_Told: TypeAlias = tuple[dict[str, Any], list[int]]


class LocalLauncher:
    """See `intermodal.plugins.Launcher`."""

    def __init__(
        self,
        data_dir: Path,
        *,
        isolation: str = "namespaces",
        filtered: bool = True,
        gpus: Callable[[], dict[str, int]] = dict,
    ) -> None:
        """`isolation` is "namespaces" or "process"; `filtered`: system calls are, in namespaces. `gpus` counts the
        devices of each kind; it may block.
        """
        self._data = data_dir
        self._isolation = isolation
        self._filtered = filtered
        self._gpus = gpus
        self._link: Link | None = None
        self._connecting = asyncio.Lock()
        self._hello: asyncio.Future[dict[str, Any]] | None = None
        self._answers: dict[str, asyncio.Future[_Told]] = {}
        self._asked = 0
        self._containers: dict[str, LocalContainer] = {}
        self._mounter = Mounter()
        self._bases: dict[Python, asyncio.Task[Base]] = {}

    async def totals(self) -> ResourceTotals:
        """See the protocol."""
        return ResourceTotals(cpu=machine_cpu(), memory=machine_memory(), gpus=await asyncio.to_thread(self._gpus))

    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> LocalContainer:
        """See the protocol."""
        container, needs_boot = await self._launch(spec, Rootfs.from_json(image.ref), gpus, output, None, boot)
        if not needs_boot:
            return container
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                await asyncio.get_running_loop().sock_sendall(container.stream, boot)
        except asyncio.CancelledError:
            await container.kill()
            container.stream.close()  # nobody was given it
            raise
        return container

    async def start(
        self,
        spec: ContainerSpec,
        rootfs: Rootfs,
        gpus: GpuLease | None,
        output: OutputSink,
        argv: Sequence[str],
    ) -> LocalContainer:
        """Start a container with program `argv` (empty: with nothing, to exec into). Raises as `launch`."""
        container, _ = await self._launch(spec, rootfs, gpus, output, argv, b"")
        return container

    async def _launch(
        self,
        spec: ContainerSpec,
        rootfs: Rootfs,
        gpus: GpuLease | None,
        output: OutputSink,
        argv: Sequence[str] | None,
        boot: bytes,
    ) -> tuple[LocalContainer, bool]:
        self._check(spec, argv)
        base = await self._base(rootfs.python)
        link = await self._connect()
        if spec.id in self._containers:
            raise LaunchRefused(f"a container {spec.id!r} runs already")
        order = _order(spec, rootfs, base, argv, gpus, filtered=self._filtered)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        out, err = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
        container = LocalContainer(
            spec, ours, output, self._send, self._ask, self._mounter, plain=not base, kept=self._keeping(spec.id)
        )
        container.watch(1, out[0])
        container.watch(2, err[0])
        self._containers[spec.id] = container
        answer = self._answers[spec.id] = asyncio.get_running_loop().create_future()
        frame = [_memory_file(boot)] if order["snapshot"] is not None else []
        try:
            with theirs:
                link.send(order, [theirs.fileno(), out[1], err[1], *frame, *(gpus.fds if gpus else ())])
        finally:
            for fd in (out[1], err[1], *frame):
                os.close(fd)
        return container, await self._admitted(container, answer)

    async def bare(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, output: OutputSink
    ) -> LocalContainer:
        """See the protocol."""
        check(spec.reachable)
        container = await self.start(spec, Rootfs.from_json(image.ref), gpus, output, ())
        if spec.reachable:
            try:
                await container.let_out()
            except BaseException:
                await container.kill()
                container.stream.close()  # nobody was given it
                raise
        return container

    async def close(self) -> None:
        """See the protocol."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()
            self._lost()
        await asyncio.to_thread(self._mounter.close)
        self._bases.clear()

    async def _admitted(self, container: LocalContainer, answer: asyncio.Future[_Told]) -> bool:
        try:
            told, _ = await answer
        except asyncio.CancelledError:
            await container.kill()
            container.stream.close()  # nobody was given it
            raise
        finally:
            self._answers.pop(container.id, None)
        if told["t"] == "launched":
            return bool(told["boot"])
        del self._containers[container.id]
        container.abandon()
        if told["t"] == "busy":
            raise LaunchBusy(told["message"])
        raise LaunchRefused(told["message"])

    def _check(self, spec: ContainerSpec, argv: Sequence[str] | None) -> None:
        """Process isolation refuses what it cannot do, however the request came here."""
        if self._isolation != "process":
            return
        asked = {
            "network.block": spec.network == "none",
            "snapshot": spec.snapshot is not None,
            "volumes": bool(spec.volumes),
            "network.cidr_allowlist": bool(spec.reachable),
            "exec": argv is not None,
        }
        for capability, wanted in asked.items():
            if wanted:
                raise CapabilityNotSupported(capability, "local", advice.PLAIN)

    def _keeping(self, container: str) -> Keeping:
        """For a container whose files may be kept; see `snapshots`."""
        assert self._hello is not None
        return Keeping(self._hello.result()["run"], container, layers_of(self._data))

    async def _base(self, python: Python) -> dict[str, list[str]]:
        if self._isolation == "process":
            return {}
        task = self._bases.get(python)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._bases[python] = asyncio.create_task(asyncio.to_thread(prepare_base, self._data, python))
        return (await asyncio.shield(task)).lowers

    async def _connect(self) -> Link:
        async with self._connecting:
            if self._link is None:
                self._hello = asyncio.get_running_loop().create_future()
                options = {
                    "data": str(self._data),
                    "isolation": self._isolation,
                    "session": secrets.token_hex(6),
                    "cpu": machine_cpu(),
                    "memory": machine_memory(),
                }
                self._link = Link(options, self._received, self._supervisor_ended)
                await self._hello
            return self._link

    async def _ask(self, message: dict[str, Any]) -> _Told:
        """The supervisor's answer to a message about a container that runs; its descriptors are the caller's."""
        self._asked += 1
        name = f"ask {self._asked}"
        answer = self._answers[name] = asyncio.get_running_loop().create_future()
        try:
            self._send({**message, "answer": name}, ())
            told: _Told = await answer
            return told
        finally:
            self._answers.pop(name, None)

    def _send(self, message: dict[str, Any], fds: Sequence[int]) -> None:
        if self._link is not None:
            self._link.send(message, fds)

    def _received(self, message: dict[str, Any], fds: list[int]) -> None:
        if message["t"] == "hello":
            if self._hello is not None and not self._hello.done():
                self._hello.set_result(message)
        elif message["t"] == "exit":
            container = self._containers.pop(message["id"], None)
            if container is not None:
                container.ended(ContainerExit(cause=message["cause"], code=message["code"], detail=message["detail"]))
        else:
            answer = self._answers.get(message["id"])
            if answer is not None and not answer.done():
                answer.set_result((message, fds))
                return
            for fd in fds:
                os.close(fd)

    def _supervisor_ended(self) -> None:
        """It was killed: the kernel has ended its containers, what is on disk is removed here."""
        link, self._link = self._link, None
        self._lost()
        if link is not None:
            asyncio.get_running_loop().run_in_executor(None, self._after_supervisor, link)

    def _after_supervisor(self, link: Link) -> None:
        link.reap()
        cleanup.reap_leftovers(str(self._data / "local" / "runs"))

    def _lost(self) -> None:
        words = "the supervisor of this session's containers ended"
        for answer in self._answers.values():
            if not answer.done():
                answer.set_result(({"t": "refused", "message": words}, []))
        if self._hello is not None and not self._hello.done():
            self._hello.set_exception(LaunchRefused(words))
        for name, container in list(self._containers.items()):
            if name not in self._answers:
                container.ended(ContainerExit(cause="lost", detail=words))
                del self._containers[name]


def _host_executable(rootfs: Rootfs) -> str:
    """The interpreter's path on the host, for containers that see the host."""
    if rootfs.venv is not None:
        return f"{rootfs.venv}/bin/python"
    return f"{rootfs.python.prefix}/bin/{os.path.basename(rootfs.python.executable)}"


def _memory_file(data: bytes) -> int:
    fd = os.memfd_create("intermodal-boot", os.MFD_CLOEXEC)
    with open(fd, "wb", closefd=False) as file:
        file.write(data)
    return fd


def machine_cpu() -> float:
    """Cores that this process may use."""
    return float(len(os.sched_getaffinity(0)))


def machine_memory() -> int:
    """MiB of memory in this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // _MIB


def _order(
    spec: ContainerSpec,
    rootfs: Rootfs,
    base: dict[str, list[str]],
    argv: Sequence[str] | None,
    gpus: GpuLease | None,
    *,
    filtered: bool,
) -> dict[str, Any]:
    limit = spec.resources.memory_limit
    bundle = next(([mount.source, mount.target] for mount in spec.mounts if mount.target == GUEST), None)
    return {
        "t": "launch",
        "id": spec.id,
        "layers": list(rootfs.layers),
        "base": base,
        "executable": rootfs.python.executable if base else _host_executable(rootfs),
        "bundle": bundle,
        "env": list({**dict(spec.env), **(dict(gpus.env) if gpus else {})}.items()),
        "workdir": spec.workdir,
        "network": spec.network,
        "mounts": [[mount.source, mount.target] for mount in spec.mounts],
        "volumes": [[mount.target, *overlay(mount, HOST)] for mount in spec.volumes],
        "python_path": list(spec.python_path),
        "hostname": spec.id[:63],
        "cpu": spec.resources.cpu,
        "memory": spec.resources.memory,
        "cpu_limit": spec.resources.cpu_limit,
        "memory_limit": limit * _MIB if limit is not None else None,
        "shm": limit * _MIB if limit is not None else None,
        "processes": PROCESS_LIMIT,
        "snapshot": spec.snapshot if argv is None else None,
        "argv": list(argv) if argv is not None else None,
        "devices": device_nodes(gpus),
        "filtered": filtered,
    }
