"""A backend for the driver's tests: each container is a plain child process of this machine's own Python.

It isolates nothing; what it shares with real ones is all that core may rely on.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from intermodal.plugins import Config, Options, hookimpl
from intermodal.plugins.roles import (
    Blobs,
    BuildSink,
    BuiltImage,
    Capabilities,
    ContainerExit,
    GpuLease,
    ImageInfo,
    OutputSink,
    PruneReport,
)
from intermodal.specs import ContainerSpec, ImageSpec, ResourceTotals, content_hash


class PlainBuilder:
    """Every image is this Python."""

    async def build(self, image: ImageSpec, blobs: Blobs, sink: BuildSink) -> BuiltImage:
        version = ".".join(map(str, sys.version_info[:3]))
        return BuiltImage(
            id=content_hash(image), ref="host", python=version, env=tuple(image.env().items()), workdir="/"
        )

    async def images(self) -> Sequence[ImageInfo]:
        return ()

    async def prune(self, *, everything: bool = False, older_than_s: float = 0.0) -> PruneReport:
        return PruneReport(removed=(), bytes_freed=0)

    async def close(self) -> None:
        return None


class PlainContainer:
    """A child process."""

    def __init__(self, spec: ContainerSpec, stream: socket.socket, process: asyncio.subprocess.Process) -> None:
        self.id = spec.id
        self.stream = stream
        self.process = process
        self.exit: asyncio.Task[ContainerExit]

    async def wait(self) -> ContainerExit:
        return await asyncio.shield(self.exit)

    async def kill(self) -> None:
        if self.process.returncode is None:
            os.killpg(self.process.pid, signal.SIGKILL)

    async def set_parked(self, parked: bool) -> None:
        return None

    async def exec(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        workdir: str | None = None,
        pty: bool = False,
    ) -> Any:
        raise NotImplementedError


class PlainLauncher:
    """Starts child processes."""

    def __init__(self) -> None:
        self.live: dict[str, PlainContainer] = {}

    async def totals(self) -> ResourceTotals:
        return ResourceTotals(cpu=2.0, memory=8192, gpus={"T4": 2})

    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> PlainContainer:
        ours, theirs = socket.socketpair()
        guest = next(m.source for m in spec.mounts if m.target == "/opt/intermodal/guest")
        source = {str(Path(m.source).parent) for m in spec.mounts if m.target.startswith("/root/")}
        env = {**os.environ, **dict(spec.env), "PYTHONPATH": ":".join([guest, *source])}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "intermodal.guest",
            "--fd",
            str(theirs.fileno()),
            pass_fds=(theirs.fileno(),),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        theirs.close()
        ours.sendall(boot)
        container = PlainContainer(spec, ours, process)
        container.exit = asyncio.ensure_future(self._watch(container, output))
        self.live[spec.id] = container
        return container

    async def _watch(self, container: PlainContainer, output: OutputSink) -> ContainerExit:
        process = container.process
        assert process.stdout is not None
        assert process.stderr is not None

        async def pump(stream: Any, reader: asyncio.StreamReader) -> None:
            while data := await reader.read(65536):
                output(stream, data)

        await asyncio.gather(pump(1, process.stdout), pump(2, process.stderr))
        code = await process.wait()
        self.live.pop(container.id, None)
        if code < 0:
            return ContainerExit(cause="killed", code=128 - code)
        return ContainerExit(cause="exited", code=code)

    async def bare(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, output: OutputSink
    ) -> PlainContainer:
        raise NotImplementedError

    async def close(self) -> None:
        for container in list(self.live.values()):
            await container.kill()
            await container.wait()


@hookimpl
def intermodal_addoption(options: Options) -> None:
    options.add("plain.supports", type="list", default=("fd_passing",), help="What it says it can do.")


@hookimpl
def intermodal_builder(config: Config) -> PlainBuilder:
    return PlainBuilder()


@hookimpl
def intermodal_launcher(config: Config) -> PlainLauncher:
    return PlainLauncher()


@hookimpl
def intermodal_capabilities(config: Config) -> Capabilities:
    return Capabilities(supported=frozenset(config.get("plain.supports")), notes={"exec": "nobody wrote it"})
