"""A backend whose containers are the test itself: it answers launches, and speaks the guest's side of each stream."""

from __future__ import annotations

import asyncio
import os
import queue
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from plain_backend import PlainBuilder

from intermodal.exception import BackendError
from intermodal.plugins import Blobs, BuildGrants, BuildSink, Capabilities, Config, GpuDevice, hookimpl
from intermodal.plugins.gpus import LockedGpus
from intermodal.plugins.roles import BuiltImage, ContainerExit, GpuLease, OutputSink
from intermodal.specs import ContainerSpec, ImageSpec, ResourceTotals
from intermodal.wire import columns
from intermodal.wire.frame import FrameReader, encode
from intermodal.wire.messages import PROTOCOL
from intermodal.wire.payload import dumps, loads

PATIENCE = 20.0
NO_GRANTS = BuildGrants()
DEVICES = (GpuDevice(kind="T4", index=0),)


class Peer:
    """The container's side, as the launcher hands it out; and the test's side of it: the guest and its host's words."""

    def __init__(self, spec: ContainerSpec, output: OutputSink, gpus: GpuLease | None) -> None:
        self.id = spec.id
        self.spec = spec
        self.gpus = gpus
        self._held = [os.dup(fd) for fd in gpus.fds] if gpus else []
        self.stream, self.guest = socket.socketpair()
        self.guest.settimeout(PATIENCE)
        self.kills = 0
        self.refuses_to_die = False
        self._output = output
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[ContainerExit] = self._loop.create_future()
        self._reader = FrameReader()
        self._frames: list[tuple[dict[str, Any], list[bytes]]] = []

    # ---- the role protocol

    async def wait(self) -> ContainerExit:
        return await asyncio.shield(self._exit)

    async def kill(self) -> None:
        self.kills += 1
        stage.killed.set()
        if not self.refuses_to_die:
            self._set_exit(ContainerExit(cause="killed", code=137))

    async def set_parked(self, parked: bool) -> None:
        return None

    def _set_exit(self, ending: ContainerExit | Exception) -> None:
        if self._exit.done():
            return
        while self._held:
            os.close(self._held.pop())
        if isinstance(ending, Exception):
            self._exit.set_exception(ending)
        else:
            self._exit.set_result(ending)

    # ---- the test's side

    def send(self, header: dict[str, Any], segments: Sequence[Any] = ()) -> None:
        """One frame to the driver."""
        self.guest.sendall(b"".join(encode(header, segments)))

    def become_ready(self) -> None:
        """What a guest says at first."""
        self.send({"t": "hello", "protocol": PROTOCOL})
        self.send({"t": "ready"})

    def expect(self, kind: str) -> tuple[dict[str, Any], list[bytes]]:
        """The next frame named `kind`, others being passed over."""
        while True:
            while self._frames:
                header, segments = self._frames.pop(0)
                if header["t"] == kind:
                    return header, segments
            data = self.guest.recv(1 << 16)
            if not data:
                raise EOFError
            self._frames = self._reader.feed(data)

    def inputs(self) -> list[tuple[int, Any]]:
        """Attempt and arguments of the next inputs."""
        header, segments = self.expect("inputs")
        (attempts, *_), payloads = columns.read(header, columns.INPUTS, segments)
        return [(attempt, loads(payload)[0]) for attempt, payload in zip(attempts, payloads, strict=True)]

    def answer(self, attempts: Sequence[int], values: Sequence[Any], status: int = 0) -> None:
        """Results."""
        header: dict[str, Any] = {"t": "results", "busy": 0.0, "cpu": 0.0}
        segments = columns.write(header, columns.RESULTS, [list(attempts), [status] * len(attempts)])
        self.send(header, [*segments, *(dumps(value, None) for value in values)])

    def prints(self, data: bytes, stream: Any = 1) -> None:
        """Bytes on a raw descriptor."""
        self._loop.call_soon_threadsafe(self._output, stream, data)

    def ends(self, ending: ContainerExit | Exception | None = None) -> None:
        """The container is gone, or the launcher fails to say how."""
        self.guest.close()
        self._loop.call_soon_threadsafe(self._set_exit, ending or ContainerExit(cause="exited", code=0))

    def closed(self) -> bool:
        """Waits for the driver to hang up."""
        try:
            while self.guest.recv(1 << 16):
                continue
        except ConnectionResetError:
            pass
        return True


class ScriptedBuilder(PlainBuilder):
    """Runs the steps of images: each is the test's to end, and holds its devices until then."""

    async def build(
        self, image: ImageSpec, blobs: Blobs, sink: BuildSink, grants: BuildGrants = NO_GRANTS
    ) -> BuiltImage:
        cancelled = threading.Event()

        def check() -> None:
            if cancelled.is_set():
                raise BackendError("the build was cancelled")

        def run() -> None:
            for number, step in enumerate(image.steps, 2):
                with grants.devices(step, number, check) as gpus:
                    running = Step(gpus)
                    stage.steps.put(running)
                    assert running.over.wait(PATIENCE), "the test did not end the step"

        work = asyncio.ensure_future(asyncio.to_thread(run))
        try:
            await asyncio.shield(work)
        except asyncio.CancelledError:
            cancelled.set()
            await asyncio.gather(work, return_exceptions=True)
            stage.cancelled_builds.put(image)
            raise
        return await super().build(image, blobs, sink)


class Step:
    """One that runs, and its devices."""

    def __init__(self, gpus: GpuLease | None) -> None:
        self.gpus = gpus
        self.over = threading.Event()


class Spare:
    """A container that was started ahead, and waits for nothing."""

    def __init__(self, spec: ContainerSpec) -> None:
        self.spec = spec
        self.over = False
        self.dismissed = threading.Event()

    async def dismiss(self) -> None:
        self.over = True
        self.dismissed.set()


class Stage:
    """What the test and its backend share.

    `answers`: what the next launches raise; None lets one be. `prewarms`: it can start containers ahead; `refusals`:
    what the next of those raise. `releases_after_kill`: GPUs are given up only when a container was killed.
    """

    def __init__(self) -> None:
        self.launched: queue.Queue[Peer] = queue.Queue()
        self.answers: list[BaseException | None] = []

        self.arrived: queue.Queue[str] = queue.Queue()
        self.cancelled: queue.Queue[str] = queue.Queue()
        self.peers: list[Peer] = []
        self.prewarms = False
        self.refusals: list[Exception] = []
        self.refused: queue.Queue[Exception] = queue.Queue()
        self.spared: queue.Queue[Spare] = queue.Queue()
        self.spares: list[Spare] = []
        self.gpus: LockedGpus | None = None
        self.releasing: queue.Queue[GpuLease] = queue.Queue()
        self.releases_after_kill = False
        self.killed = threading.Event()
        self.steps: queue.Queue[Step] = queue.Queue()
        self.cancelled_builds: queue.Queue[ImageSpec] = queue.Queue()

    def next(self) -> Peer:
        """The next container that was launched."""
        return self.launched.get(timeout=PATIENCE)

    def next_ready(self) -> Peer:
        """The same, whose guest has started."""
        peer = self.next()
        peer.become_ready()
        return peer


#: The test's own; made anew for each.
stage = Stage()


class ScriptedGpus(LockedGpus):
    """Tells the stage of releases, and waits as it says."""

    async def release(self, lease: GpuLease) -> None:
        stage.releasing.put(lease)
        if stage.releases_after_kill:
            await asyncio.to_thread(stage.killed.wait, PATIENCE)
        await super().release(lease)


class ScriptedLauncher:
    """Asks the stage."""

    async def totals(self) -> ResourceTotals:
        return ResourceTotals(cpu=8.0, memory=8192, gpus={"T4": 1})

    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> Peer:
        stage.arrived.put(spec.id)
        answer = stage.answers.pop(0) if stage.answers else None
        if isinstance(answer, asyncio.CancelledError):  # means: start for ever
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                stage.cancelled.put(spec.id)
                raise
        if answer is not None:
            raise answer
        peer = Peer(spec, output, gpus)
        stage.peers.append(peer)
        stage.launched.put(peer)
        return peer

    async def bare(self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, output: OutputSink) -> Peer:
        return await self.launch(spec, image, gpus, b"", output)

    async def close(self) -> None:
        return None


class PrewarmingLauncher(ScriptedLauncher):
    """The same, which can start containers ahead."""

    async def prewarm(self, spec: ContainerSpec, image: BuiltImage) -> Spare:
        if stage.refusals:
            stage.refused.put(stage.refusals[0])
            raise stage.refusals.pop(0)
        spare = Spare(spec)
        stage.spares.append(spare)
        stage.spared.put(spare)
        return spare


def reset() -> Stage:
    """A new stage."""
    global stage
    stage = Stage()
    return stage


@hookimpl
def intermodal_builder(config: Config) -> PlainBuilder:
    return ScriptedBuilder()


@hookimpl
def intermodal_launcher(config: Config) -> ScriptedLauncher:
    return PrewarmingLauncher() if stage.prewarms else ScriptedLauncher()


@hookimpl
def intermodal_gpus(config: Config) -> LockedGpus:
    stage.gpus = ScriptedGpus(DEVICES, Path(config.data_dir) / "locks" / "gpus")
    return stage.gpus


@hookimpl
def intermodal_capabilities(config: Config) -> Capabilities:
    return Capabilities(supported=frozenset({"exec", "gpu", "image.run_commands", "image.gpu"}))
