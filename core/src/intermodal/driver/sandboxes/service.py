"""The sandboxes of a session: carries out what the engine says of them, and answers what clients ask (sandbox.*)."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from intermodal.driver.leases import GpusBusy
from intermodal.driver.numbers import seconds
from intermodal.driver.sandboxes.box import Box, Outcome
from intermodal.driver.sandboxes.door import Door
from intermodal.driver.sandboxes.place import Place
from intermodal.driver.sandboxes.process import Process
from intermodal.driver.sandboxes.streams import Stream
from intermodal.driver.sandboxes.tunnels import Tunnels
from intermodal.driver.sandboxes.view import SandboxView
from intermodal.engine import commands, events
from intermodal.exception import (
    AlreadyExistsError,
    ContainerStartError,
    Error,
    InvalidError,
    NotFoundError,
    ResourceExhaustedError,
)
from intermodal.plugins.roles import Container, LaunchBusy, LaunchRefused, OutputSink
from intermodal.specs import ImageSpec, SandboxSpec, from_json
from intermodal.storage import Reply, RequestError

__all__ = ["Sandboxes", "Session", "Starter"]

_Handler = Callable[[dict[str, Any], Sequence[bytes]], Awaitable[Reply]]
_SIGNALS = range(1, 65)
#: Most bytes of one answer to a read.
_READ = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9._-]{1,63}")


class Session(Protocol):
    """What sandboxes need of the driver."""

    @property
    def id(self) -> str: ...
    @property
    def data_dir(self) -> Path: ...

    def post(self, event: events.Event) -> None: ...
    async def keep(self, blobs: Mapping[str, bytes]) -> None:
        """Have these, by their SHA-256."""
        ...


class Starter(Protocol):
    """How their containers come to be."""

    def check_sandbox(self, spec: SandboxSpec) -> None:
        """Raises `CapabilityNotSupported`."""
        ...

    def grant(self, secrets: Mapping[str, Mapping[str, str]]) -> None:
        """Values that builds may need."""
        ...

    async def snapshot(self, container: Container, image: ImageSpec) -> str:
        """The id of an image of its files as they are now. Raises `CapabilityNotSupported`."""
        ...

    async def bare(self, box: Box, output: OutputSink) -> Container:
        """With its volumes and buckets mounted; `left` follows at its end."""
        ...

    async def reload(self, container: str) -> None:
        """Its volumes, all of them. Raises `RequestError`."""
        ...

    async def left(self, container: str) -> None:
        """It has ended: what it wrote to volumes and buckets lasts. Never raises."""
        ...


class Sandboxes:
    """All on the loop."""

    def __init__(self, session: Session, starter: Starter) -> None:
        self._session, self._starter = session, starter
        self._boxes: dict[str, Box] = {}
        self._place: Place | None = None
        self._door: Door | None = None
        self._last = 0
        self._closing = False
        self._handlers: dict[str, _Handler] = {
            "create": self._create,
            "exec": self._exec,
            "file": self._file,
            "from_name": self._from_name,
            "info": self._info,
            "list": self._list,
            "read": self._read,
            "reload": self._reload,
            "resize": self._resize,
            "signal": self._signal,
            "snapshot": self._snapshot,
            "tag": self._tag,
            "terminate": self._terminate,
            "tunnels": self._tunnels,
            "wait": self._wait,
            "write": self._write,
        }

    async def handle(
        self, method: str, params: dict[str, Any], segments: Sequence[bytes], app: str, owner: str = ""
    ) -> Reply:
        """Answer one request, "sandbox." and a name; `app` is whose code asks, in the container `owner` if in any.

        Raises `RequestError`; where it comes of an error of ours or of the operating system, that is its cause.
        """
        handler = self._handlers.get(method.removeprefix("sandbox."))
        if handler is None:
            raise RequestError("InvalidError", f"there is no request {method!r}")
        try:
            return await handler({"of": app, **params, "owner": owner}, segments)
        except (Error, OSError) as error:
            raise RequestError(type(error).__name__, str(error)) from error

    def app_of(self, sandbox: str) -> str:
        """The app of one; "" for what is none."""
        box = self._boxes.get(sandbox)
        return "" if box is None else box.spec.app

    def views(self) -> list[SandboxView]:
        """All, those that have ended, too."""
        return [box.view() for box in self._boxes.values()]

    # ---- what the engine says ---------------------------------------------------------------------------------------

    def start(self, command: commands.StartSandbox) -> None:
        """There is room."""
        box = self._boxes[command.sandbox]
        box.task = asyncio.get_running_loop().create_task(self._live(box))

    def kill(self, command: commands.KillSandbox) -> None:
        """End it, or its start."""
        box = self._boxes[command.sandbox]
        box.ending = True
        if box.container is not None:
            asyncio.get_running_loop().create_task(box.container.kill())
        elif box.task is not None:
            box.task.cancel()

    def kill_process(self, command: commands.KillProcess) -> None:
        """It took longer than it might."""
        with contextlib.suppress(NotFoundError):
            self._boxes[command.sandbox].process(command.process).time_out()

    def ended(self, command: commands.SandboxEnded) -> None:
        """Nothing is left of it but its output."""
        box = self._boxes[command.sandbox]
        for stream in box.output.values():
            stream.end()
            stream.settle()
        box.spool.close()
        if not box.started.done():
            told = f"sandbox {box.id}: {command.detail or 'it was terminated'}"
            failed = command.cause == "start_failed"
            box.error = box.error or (ResourceExhaustedError(told) if failed else InvalidError(told))
            box.started.set_result(None)
        box.ended.set_result(Outcome(command.cause, command.code, command.detail))

    async def _live(self, box: Box) -> None:
        post = self._session.post
        try:
            container = await self._starter.bare(box, _ignore)
        except LaunchBusy as busy:
            post(events.SandboxDeferred(box.id, str(busy), gpus=isinstance(busy, GpusBusy)))
            return
        except asyncio.CancelledError:
            post(events.SandboxGone(box.id, "killed"))
            return
        except Exception as error:  # noqa: BLE001 - it belongs to whoever wanted the sandbox
            box.error = ContainerStartError(str(error)) if isinstance(error, LaunchRefused) else error
            post(events.SandboxGone(box.id, "start_failed", 1, str(error)))
            return
        box.container = container
        if box.spec.ports:
            box.tunnels = Tunnels(container)
            await box.tunnels.open(box.spec.ports)
        post(events.SandboxStarted(box.id))
        if box.spec.argv:
            await self._run_program(box, container)
        if not box.started.done():
            box.started.set_result(None)
        exit = await container.wait()
        box.ending = True
        await box.close()
        await self._starter.left(box.id)
        post(events.SandboxGone(box.id, exit.cause, exit.code, exit.detail))

    async def _run_program(self, box: Box, container: Container) -> None:
        def ended(process: Process) -> None:
            self._session.post(events.SandboxProgramEnded(box.id, process.code.result()))

        box.program = program = Process("", {1: box.output[1], 2: box.output[2]}, ended)
        await _start(program, container, box.spec.argv, {}, box.spec.workdir, (24, 80) if box.spec.pty else None)

    # ---- what clients ask -------------------------------------------------------------------------------------------

    async def _create(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        """`spec`; `env`: values of secrets; `blobs`: the names of the segments; `build_secrets`; `bucket_secrets`."""
        try:
            spec = from_json(SandboxSpec, params["spec"])
        except ValueError as error:
            raise InvalidError(f"this sandbox's definition cannot be read: {error}") from None
        spec = spec if spec.app else replace(spec, app=str(params["of"]))
        self._check_name(spec)
        self._starter.check_sandbox(spec)
        await self._session.keep(dict(zip(params["blobs"], segments, strict=True)))
        self._starter.grant(params["build_secrets"])
        await self._open()
        keys = {str(name): _texts(values) for name, values in params["bucket_secrets"].items()}
        box = self._new(spec, _texts(params["env"]), keys)
        self._session.post(
            events.SandboxCreated(box.id, spec.resources, spec.timeout_s, spec.idle_timeout_s, params["owner"])
        )
        try:
            await asyncio.shield(box.started)
        except asyncio.CancelledError:
            self._session.post(events.SandboxTerminated(box.id))
            raise
        if box.error is not None:
            raise box.error
        return Reply({"id": box.id})

    async def _open(self) -> None:
        """Before the first sandbox."""
        if self._place is None and not self._closing:
            self._place = Place(self._session.data_dir, self._session.id)
            self._door = Door(self._place.folder, functools.partial(self.handle, app=""))
            await self._door.open()

    def _check_name(self, spec: SandboxSpec) -> None:
        if spec.name is None:
            return
        if _NAME.fullmatch(spec.name) is None:
            raise InvalidError(f"Sandbox.create(name={spec.name!r}): 1 to 63 letters, digits, '.', '_' or '-'")
        if self._named(spec.app, spec.name) is not None:
            raise AlreadyExistsError(
                f"a sandbox named {spec.name!r} of app {spec.app!r} is running: terminate it, or take another name"
            )

    @property
    def any_left(self) -> bool:
        """Whether there was one, whose output somebody may still want."""
        return bool(self._boxes)

    def _named(self, app: str, name: str) -> Box | None:
        for box in self._boxes.values():
            if box.spec.app == app and box.spec.name == name and not box.ended.done():
                return box
        return None

    def _new(self, spec: SandboxSpec, env: Mapping[str, str], keys: Mapping[str, Mapping[str, str]]) -> Box:
        if self._closing or self._place is None:
            raise NotFoundError("the app has stopped")
        self._last += 1
        box = Box(f"sb-{self._session.id}-{self._last}", spec, env, keys, self._place.folder)
        self._boxes[box.id] = box
        return box

    async def _exec(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        box = self._box(params)
        container = await box.running()
        box.number += 1
        process = Process(
            str(box.number),
            {1: Stream(box.spool), 2: Stream(box.spool)},
            lambda ended: self._session.post(events.SandboxProcessEnded(box.id, ended.id)),
        )
        box.processes[process.id] = process
        timeout, terminal = params.get("timeout"), params.get("terminal")
        self._session.post(
            events.SandboxProcessStarted(box.id, process.id, None if timeout is None else seconds(timeout))
        )
        env = _texts(params["env"])
        argv = [str(word) for word in params["argv"]]
        size = None if terminal is None else (int(terminal[0]), int(terminal[1]))
        await _start(process, container, argv, env, params.get("workdir") or box.spec.workdir, size)
        await box.running()  # or it was its end that this has come to
        return Reply({"process": process.id})

    async def _read(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        """`now`: what is there, do not wait for more."""
        stream = self._box(params).stream(str(params["process"]), int(params["stream"]))
        offset, limit = max(0, int(params["offset"])), max(1, min(int(params["limit"]), _READ))
        if params.get("now") and offset >= stream.size:
            return Reply(None, (b"",))
        return Reply(None, (await stream.read(offset, limit),))

    async def _write(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        box = self._box(params)
        await box.running()
        await box.process(str(params["process"])).write(b"".join(segments), bool(params["eof"]))
        return Reply()

    async def _resize(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        await self._box(params).process(str(params["process"])).resize(int(params["rows"]), int(params["columns"]))
        return Reply()

    async def _signal(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        number = int(params["signal"])
        if number not in _SIGNALS:
            raise InvalidError(f"{number} is no signal")
        await self._box(params).process(str(params["process"])).signal(number)
        return Reply()

    async def _wait(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        """For the sandbox where `process` is null. `now`: say what is known, do not wait."""
        box, number = self._box(params), params.get("process")
        if number is not None:
            process = box.process(str(number))
            if not params.get("now"):
                await process.wait()
            return Reply({"code": process.code.result() if process.code.done() else None})
        if not params.get("now"):
            await asyncio.shield(box.ended)
        if not box.ended.done():
            return Reply({"code": None, "cause": None, "detail": ""})
        outcome = box.ended.result()
        return Reply({"code": outcome.code, "cause": outcome.cause, "detail": outcome.detail})

    async def _terminate(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        box = self._box(params)
        self._session.post(events.SandboxTerminated(box.id))
        await asyncio.shield(box.ended)
        return Reply({"code": box.ended.result().code})

    async def _file(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        """`op` and `with`: see `intermodal.guest.attendant`."""
        return await self._box(params).do(str(params["op"]), dict(params["with"]), segments)

    async def _snapshot(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        box = self._box(params)
        return Reply({"id": await self._starter.snapshot(await box.running(), box.spec.image)})

    async def _reload(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        box = self._box(params)
        await box.running()
        await self._starter.reload(box.id)
        return Reply()

    async def _tunnels(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        """Ports inside, those of this machine that lead there, and whether they were asked for unencrypted."""
        box = self._box(params)
        await box.running()
        ports = {} if box.tunnels is None else box.tunnels.ports
        return Reply([[inside, port, inside not in box.spec.encrypted] for inside, port in ports.items()])

    async def _tag(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        self._box(params).tags = _texts(params["tags"])
        return Reply()

    async def _info(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        return Reply(self._box(params).described())

    async def _list(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        """Those that have not ended, or (`all`) every one; of `app`, and with all of `tags`, where these are given."""
        app, tags, all = params.get("app"), dict(params.get("tags") or {}), bool(params.get("all"))
        if params.get("app_id") not in (None, f"ap-{self._session.id}"):
            return Reply([])
        found = [
            box.described()
            for box in self._boxes.values()
            if (all or not box.ended.done()) and app in (None, box.spec.app) and tags.items() <= box.tags.items()
        ]
        return Reply(found)

    async def _from_name(self, params: dict[str, Any], segments: Sequence[bytes]) -> Reply:
        app, name = str(params["app"]), str(params["name"])
        box = self._named(app, name)
        if box is None:
            raise NotFoundError(f"no sandbox named {name!r} of app {app!r} is running")
        return Reply({"id": box.id})

    def _box(self, params: dict[str, Any]) -> Box:
        found = self._boxes.get(str(params["id"]))
        if found is None:
            raise NotFoundError(
                f"no sandbox {str(params['id'])!r:.80} is known here; sandboxes live as long as their app runs"
            )
        return found

    def with_gpus(self) -> list[str]:
        """The ids of those that have GPUs."""
        return [
            box.id
            for box in self._boxes.values()
            if box.container is not None and box.spec.resources.gpu is not None and not box.ended.done()
        ]

    # ---- the end ----------------------------------------------------------------------------------------------------

    def abandon(self, why: str) -> None:
        """The engine will say nothing any more: all end now."""
        for box in [box for box in self._boxes.values() if not box.ended.done()]:
            self.kill(commands.KillSandbox(box.id))
            self.ended(commands.SandboxEnded(box.id, "lost", 1, why))

    async def terminate_all(self) -> None:
        """The session ends, and no sandbox outlives it."""
        self._closing = True
        for box in self._boxes.values():
            self._session.post(events.SandboxTerminated(box.id))
        await asyncio.gather(*(asyncio.shield(box.ended) for box in self._boxes.values()))

    async def close(self) -> None:
        """Remove what the sandboxes have left. Idempotent."""
        if self._door is not None:
            await self._door.close()
        place, self._place = self._place, None
        if place is not None:
            place.close()


async def _start(
    process: Process,
    container: Container,
    argv: Sequence[str],
    env: Mapping[str, str],
    workdir: str | None,
    size: tuple[int, int] | None,
) -> None:
    try:
        inner = await container.exec(argv, env=env, workdir=workdir, pty=size is not None, size=size or (24, 80))
    except Error as error:
        process.fail(str(error))
    else:
        process.run(inner)


def _texts(given: Mapping[Any, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in given.items()}


def _ignore(stream: int, data: bytes) -> None:
    """A bare container prints nothing of its own."""
