"""One container of a session, from the engine's Launch to its reported exit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from intermodal.client.hiding import Hiding
from intermodal.driver.channel import Channel
from intermodal.driver.leases import GpusBusy
from intermodal.driver.lines import LineCutter
from intermodal.driver.numbers import seconds
from intermodal.driver.pools import Pool
from intermodal.driver.starter import Started
from intermodal.engine import commands, events
from intermodal.exception import CapabilityNotSupported, Error, ImageBuildError
from intermodal.plugins.observations import ContainerExited, ContainerStarted, LogLine
from intermodal.plugins.roles import Container, ContainerExit, LaunchBusy, LaunchRefused
from intermodal.specs import FunctionSpec
from intermodal.wire import columns
from intermodal.wire.messages import PROTOCOL
from intermodal.wire.payload import Payload, failed

__all__ = ["Host", "Unit", "failure_of"]

#: Seconds that a guest that has hung up may take to be gone.
LEAVING_S = 2.0


class Host(Protocol):
    """What a unit needs of the driver."""

    loop: asyncio.AbstractEventLoop
    passes_fds: bool
    unflushed: list[Callable[[], None]] | None

    def post(self, event: events.Event) -> None:
        """Tell the engine."""
        ...

    def hold(self) -> None:
        """What is posted from now on waits for the `pump` that follows."""
        ...

    def pump(self) -> None:
        """Let the engine hear now what was posted."""
        ...

    def observe(self, kind: Any, record: Any) -> None: ...

    def whose(self, unit: Unit, attempt: int) -> tuple[str | None, int | None]:
        """Call and index of the input that an attempt in a container works on; None for what is not known."""
        ...

    def trace_of(self, call: str) -> str:
        """The trace inside of a call; "" for none."""
        ...

    def hiding(self, function: FunctionSpec) -> Hiding:
        """What hides the values of a function's secrets."""
        ...

    async def start(self, unit: Unit, command: commands.Launch) -> Started:
        """Build, allocate, launch."""
        ...

    def client_frame(self, unit: Unit, header: dict[str, Any], segments: list[bytes]) -> None:
        """A frame that user code inside sent as a client: a nested call, a request."""
        ...

    def unit_ready(self, unit: Unit) -> None: ...

    async def unit_leaving(self, unit: Unit) -> None:
        """Its container has ended, and nobody has heard so."""
        ...

    def unit_gone(self, unit: Unit) -> None: ...


def failure_of(error: Error, function: str) -> bytes:
    """The payload that stands for an error of ours which happened on this side, to a container of `function`."""
    if isinstance(error, CapabilityNotSupported):
        hint = f"{function}: {error.hint}" if error.hint else f"{function} asks for it"
        return failed(type(error).__name__, error.capability, error.backend, hint)
    return failed(type(error).__name__, f"{function}: {error}")


class Unit:
    """The driver's side of one container. All on the driver's loop."""

    def __init__(self, host: Host, pool: Pool, command: commands.Launch) -> None:
        self.id = command.container
        self.pool = pool
        self.channel: Channel | None = None
        self.gpu: str | None = None
        self._host = host
        self._container: Container | None = None
        self._began = time.monotonic()
        self.ready = False  #: its guest has started
        self.trouble = ""  #: why it ended before that
        self.hopeless = False  #: and another one would end likewise
        self._killed = False
        self._gone = False
        self._lines: dict[int, LineCutter] = {1: LineCutter(), 2: LineCutter()}
        self._current_call: str | None = None
        self._hiding = host.hiding(pool.function)
        self._task = host.loop.create_task(self._live(command))

    # ---- life ---------------------------------------------------------------------------------------------------

    async def _live(self, command: commands.Launch) -> None:
        host = self._host
        try:
            started = await host.start(self, command)
        except LaunchBusy as busy:
            host.post(events.LaunchDeferred(self.id, str(busy), gpus=isinstance(busy, GpusBusy)))
            self._gone = True
            host.unit_gone(self)
            return
        except BaseException as error:
            self._start_failed(error)
            if not isinstance(error, Exception) and not isinstance(error, asyncio.CancelledError):
                raise
            return
        self._container, self.gpu = started.container, started.gpu
        container = started.container
        host.post(events.Launched(self.id, gpu=self.gpu))
        self.channel = Channel(host, container.stream, self._frame, self._stream_closed, passes_fds=host.passes_fds)
        try:
            ended = await container.wait()
        except Exception as error:  # noqa: BLE001 - a launcher's own failure must still end the container for the engine
            ended = ContainerExit(cause="lost", detail=f"{type(error).__name__}: {error}")
        await host.unit_leaving(self)
        self._exited(ended)

    def _start_failed(self, error: BaseException) -> None:
        host = self._host
        if isinstance(error, asyncio.CancelledError):
            self._exited(ContainerExit(cause="killed", detail="stopped before it had started"))
            return
        message = self.trouble = str(error) or type(error).__name__
        function = self.pool.function.name
        if isinstance(error, Error):
            payload = failure_of(error, function)
        else:
            payload = failed("ContainerStartError", f"{function}: {message}")
        if isinstance(error, (ImageBuildError, CapabilityNotSupported)):
            self.hopeless = True
            host.post(events.PoolFailed(self.pool.id, payload))
        else:
            self.hopeless = isinstance(error, (LaunchRefused, Error))
            host.post(events.ContainerFailed(self.id, payload, fatal=self.hopeless))
        # Of an image that failed, observers know: no container came of it that could have ended.
        self._exited(ContainerExit(cause="start_failed", detail=message), tell=not isinstance(error, ImageBuildError))

    def _exited(self, ended: ContainerExit, *, tell: bool = True) -> None:
        if self._gone:
            return
        self._gone = True
        for stream in (1, 2):
            self._log_lines(stream, self._lines[stream].finish(), self._current_call)
        if self.channel is not None:
            self.channel.close()
        code = f"exit code {ended.code}" if ended.code is not None else ""
        self.trouble = self.trouble or f"container {self.id} ended ({ended.cause}): {ended.detail or code}"
        self._host.post(events.ContainerExited(self.id, ended.cause, ended.detail or code))
        if tell:
            self._tell_exit(ended)
        self._host.unit_gone(self)

    def _tell_exit(self, ended: ContainerExit) -> None:
        function = self.pool.function
        self._host.observe(
            "container_exited",
            ContainerExited(
                container=self.id,
                app=function.app,
                function=function.name,
                at=time.time(),
                cause=ended.cause,
                code=ended.code,
                detail=ended.detail,
                asked=self._killed and ended.cause == "killed",
            ),
        )

    def _stream_closed(self, why: str) -> None:
        """The guest hung up: its exit is on its way, and if it broke the protocol we see to it."""
        if why:
            self._log_lines(2, [f"intermodal: connection to container {self.id} ended: {why}"], None)
            self.kill()
        else:  # it is on its way out
            self._host.loop.call_later(LEAVING_S, self.kill)

    def kill(self) -> None:
        """End it now; the exit is reported when it is done."""
        if self._container is None:
            self._killed = True
            self._task.cancel()
        elif not self._killed and not self._gone:
            self._killed = True
            self._host.loop.create_task(self._container.kill())

    async def finished(self) -> None:
        """Wait until the exit was reported."""
        await asyncio.gather(self._task, return_exceptions=True)

    def set_parked(self, parked: bool) -> None:
        """Its cpu is free, or needed again."""
        if self._container is not None and not self._gone:
            self._host.loop.create_task(self._container.set_parked(parked))

    # ---- as a client (`clients.Peer`) ---------------------------------------------------------------------------

    @property
    def client(self) -> str:
        """Its name for the engine where its code makes calls."""
        return f"container:{self.id}"

    @property
    def container(self) -> str:
        """Its id."""
        return self.id

    def payload(self, segment: bytes) -> Payload:
        """A payload as the guest sent it, checked. Raises `SegmentError`."""
        assert self.channel is not None
        return self.channel.payload(segment)

    # ---- to the guest -------------------------------------------------------------------------------------------

    def dispatch(self, inputs: Sequence[Any], batch: bool) -> None:
        """Send inputs, in order, as one frame."""
        channel = self.channel
        if channel is None:
            return
        first = inputs[0].call
        self._current_call = first
        calls: dict[tuple[str, str], int] = {}
        slots = [calls.setdefault((i.call, i.method), len(calls)) for i in inputs]
        if len(calls) > 1:
            self._current_call = None
        header: dict[str, Any] = {"t": "inputs", "calls": list(calls), "batch": batch}
        traces = [self._host.trace_of(call) for call, _ in calls]
        if any(traces):
            header["traces"] = traces
        tries = [min(i.tries, 65535) for i in inputs]
        rows = ([i.attempt for i in inputs], slots, [i.index for i in inputs], tries)
        channel.send_payloads(header, columns.write(header, columns.INPUTS, rows), [i.payload for i in inputs])

    def send(self, header: dict[str, Any], segments: Sequence[Any] = ()) -> None:
        """Send a plain frame, if it is still there."""
        if self.channel is not None:
            self.channel.send(header, segments)

    def send_payloads(self, header: dict[str, Any], segments: list[Any], payloads: Sequence[Any]) -> None:
        """Send a frame with payloads, if it is still there."""
        if self.channel is not None:
            self.channel.send_payloads(header, segments, payloads)

    def credit(self, attempt: int, items: int) -> None:
        """Let a generator produce more."""
        self.send({"t": "credit", "attempt": attempt, "items": items})

    # ---- from the guest -----------------------------------------------------------------------------------------

    def _frame(self, header: dict[str, Any], segments: list[bytes]) -> None:
        kind = header["t"]
        if kind == "results":
            self._results(header, segments)
        elif kind == "log":
            self._log(header, segments)
        elif kind == "returned":
            self._host.post(events.InputsReturned(self.id, [int(a) for a in header["attempts"]]))
        elif kind == "waiting":
            self._host.post(events.InputWaiting(int(header["attempt"]), bool(header["on"])))
        elif kind == "hello":
            if header["protocol"] != PROTOCOL:
                raise ValueError(
                    f"the guest speaks protocol {header['protocol']}, this side {PROTOCOL}: rebuild the image"
                )
            if not header.get("shared_memory", True):
                assert self.channel is not None
                self.channel.passes_fds = False
        elif kind == "ready":
            self._became_ready()
        elif kind == "failed":
            self.hopeless = bool(header.get("fatal"))
            self.trouble = self._hiding.hide(str(header.get("text", ""))[:_LONGEST_TROUBLE])
            assert self.channel is not None
            self._host.post(events.ContainerFailed(self.id, self.channel.payload(segments[0]), fatal=self.hopeless))
        elif kind != "bye":
            self._host.client_frame(self, header, segments)

    def _became_ready(self) -> None:
        if self.ready:
            return
        self.ready = True
        self._host.post(events.ContainerReady(self.id))
        self._host.unit_ready(self)
        function = self.pool.function
        started = ContainerStarted(
            container=self.id,
            app=function.app,
            function=function.name,
            at=time.time(),
            start_s=time.monotonic() - self._began,
            gpu=self.gpu,
        )
        self._host.observe("container_started", started)

    def _results(self, header: dict[str, Any], segments: list[bytes]) -> None:
        channel = self.channel
        assert channel is not None
        (attempts, statuses), rest = columns.read(header, columns.RESULTS, segments)
        payloads: list[Any] = rest
        for i, payload in enumerate(payloads):
            if payload[:1] in _SPECIAL:
                payloads[i] = channel.payload(payload)
        busy, cpu = seconds(header.get("busy", 0.0)), seconds(header.get("cpu", 0.0))
        self._host.post(events.ResultsArrived(self.id, attempts, statuses, payloads, busy, cpu))

    # ---- logs ---------------------------------------------------------------------------------------------------

    def output(self, stream: Literal[1, 2], data: bytes) -> None:
        """The launcher's sink: raw bytes of file descriptors 1 and 2."""
        self._log_lines(stream, self._lines[stream].feed(data), self._current_call)

    def _log(self, header: dict[str, Any], segments: list[bytes]) -> None:
        text = segments[0].decode("utf-8", "surrogateescape")
        lines = text[:-1].split("\n") if text.endswith("\n") else text.split("\n")
        call, index = self._host.whose(self, int(header["attempt"]))
        self._log_lines(2 if header["stream"] == 2 else 1, lines, call or self._current_call, index)

    def _log_lines(self, stream: int, lines: list[str], call: str | None, index: int | None = None) -> None:
        function, now = self.pool.function, time.time()
        for text in map(self._hiding.hide, lines) if self._hiding else lines:
            record = LogLine(
                app=function.app,
                function=function.name,
                container=self.id,
                stream=2 if stream == 2 else 1,
                text=text,
                at=now,
                call=call,
                input=index,
            )
            self._host.observe("log", record)


#: Characters of an exception's text that a container tells.
_LONGEST_TROUBLE = 2000

#: First bytes of payloads that need a look: shared memory, scattered, failure, unknown; inline ones (0) pass as they
#: are.
_SPECIAL = frozenset(bytes((n,)) for n in range(1, 256)) | {b""}
