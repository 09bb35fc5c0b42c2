"""The container that one step of an image is made in: idle, the step executed in it, then committed."""

from __future__ import annotations

import contextlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from intermodal.exception import BackendError
from intermodal.plugins.building import KIT, StepFailed, StepRun
from intermodal_docker.engine import CreateRequest, Engine, Exec, ImageDetails, Owners, Tmpfs, VolumeMount
from intermodal_docker.images.packing import pack_kit

__all__ = ["Box", "Lifeline"]

_KEPT_LINES = 50
#: Standard input is silent, and ends with the process that attached to it: so this lasts as long as that, whatever
#: programs the image has, and what is executed beside it ends with it.
_IDLE = ("/bin/sh", "-c", "read -r _")
#: What an image without a command gets: docker would take the container's instead, which is to be idle.
_SHELL = ("/bin/sh",)
_START = 'mkdir -p "$1" && cd "$1" && shift && exec "$@"'
_LANGUAGE = {"LANG": "C.UTF-8"}
_DEFAULTS = {"HOME": "/root", **_LANGUAGE}


class Lifeline:
    """What a build's container hangs on. Cut from any thread, it takes the container with it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._containers: set[str] = set()
        self.is_cut = False

    def check(self) -> None:
        """Raise `BackendError` when it was cut."""
        if self.is_cut:
            raise BackendError("the build was cancelled")

    def hold(self, container: str) -> None:
        """The container to end when it is cut."""
        self._containers.add(container)
        if self.is_cut:
            self.cut()

    def release(self, container: str) -> None:
        """It is gone."""
        self._containers.discard(container)

    def cut(self) -> None:
        """End the build. Idempotent."""
        self.is_cut = True
        for container in list(self._containers):
            with contextlib.suppress(BackendError):
                self._engine.kill(container)


@dataclass(slots=True, kw_only=True)
class Box:
    """A context manager: leaving it removes the container.

    Args:
        below: the image that the step starts from.
        labels: of the container, and then of the layer.
        owner: labels of the container alone: by them it is found when this process is gone.
        gpus: devices to pass in, by UUID.
        cpus, memory: cores and MiB that it may use at most.
        volumes, tmpfs: what it has beside the image; a layer has nothing of them.
    """

    engine: Engine
    below: ImageDetails
    labels: Mapping[str, str]
    owner: Mapping[str, str]
    lifeline: Lifeline
    gpus: Sequence[str] = ()
    cpus: float | None = None
    memory: int | None = None
    volumes: Sequence[VolumeMount] = ()
    tmpfs: Sequence[Tmpfs] = ()
    id: str = field(default="", init=False)
    _owners: Owners | Literal[False] | None = field(default=False, init=False)
    _line: Exec | None = field(default=None, init=False)

    def __enter__(self) -> Box:
        self.lifeline.check()
        self.id = self.engine.create(
            CreateRequest(
                image=self.below.id,
                entrypoint=(),
                command=_IDLE,
                labels={**self.owner, **self.labels},
                user=self.below.user,  # a layer keeps its container's
                network="host",  # as builds of every backend: an index or a proxy on this machine is reached
                stdin=True,
                gpus=self.gpus,
                cpus=self.cpus,
                memory=self.memory,
                volumes=self.volumes,
                tmpfs=self.tmpfs,
            )
        )
        self.lifeline.hold(self.id)
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.remove(self.id)
        if self._line is not None:
            self._line.close()
        self.lifeline.release(self.id)

    def start(self) -> None:
        """Let programs run in it, as long as this process lives. Raises `BackendError`."""
        try:
            self._line = self.engine.attach(self.id)
            self.engine.start(self.id)
        except BackendError as error:
            self.lifeline.check()
            if self.gpus:  # then it may be the engine that cannot pass them, and says so
                raise
            raise BackendError(f"the image has no /bin/sh, which build steps are run by: {error}") from None

    def put(self, archive: Iterator[bytes], at: str = "/") -> None:
        """Unpack an archive, which comes in pieces, in a directory. Not every engine finds volumes below that."""
        self.engine.put_archive(self.id, at, archive)

    def run(self, run: StepRun, output: Callable[[str], None]) -> None:
        """Execute a step's program, with what it is to be shown. Raises `StepFailed`, `BackendError`."""
        if run.files or run.mounts:
            self.put(pack_kit(run))
        lines: deque[str] = deque(maxlen=_KEPT_LINES)

        def told(line: str) -> None:
            lines.append(line)
            output(line)

        if run.user:  # who may not be let into the directory that root makes; HOME is what the engine finds
            self._stream(["/bin/sh", "-c", 'mkdir -p "$1"', "step", run.workdir], _DEFAULTS, lambda _: None)
            code = self._stream(run.argv, {**_LANGUAGE, **run.env}, told, run.user, run.workdir)
        else:
            argv = ["/bin/sh", "-c", _START, "step", run.workdir, *run.argv]
            code = self._stream(argv, {**_DEFAULTS, **run.env}, told)
        self.lifeline.check()
        if code:
            raise StepFailed(code, lines, self.memory)

    def ask(self, argv: Sequence[str]) -> str | None:
        """What a program prints; None where it fails or is not there."""
        lines: list[str] = []
        with contextlib.suppress(BackendError):
            if self._stream(argv, _DEFAULTS, lines.append) == 0:
                return "\n".join(lines)
        self.lifeline.check()
        return None

    def owners(self) -> Owners | None:
        """See `Engine.owners`. Asked once: it may take long."""
        if self._owners is False:
            self._owners = self.engine.owners(self.id)
        return self._owners

    def clear(self) -> None:
        """Remove what only the step was to see; what is mounted there stays, and is in no layer."""
        self._stream(["/bin/sh", "-c", f"rm -rf {KIT} 2>/dev/null"], _DEFAULTS, lambda _: None)

    def commit(
        self,
        reference: str,
        labels: Mapping[str, str],
        *,
        entrypoint: Sequence[str] | None = None,
        cmd: Sequence[str] | None = None,
    ) -> None:
        """Make a layer of it, called `reference`, with more labels. Its entrypoint and command stay as they were."""
        cmd = self.below.command if cmd is None else cmd
        # An image passes its labels on to what is made of it, which is not to be taken for a container of ours.
        changes = [
            f"ENTRYPOINT {json.dumps(list(self.below.entrypoint if entrypoint is None else entrypoint))}",
            f"CMD {json.dumps(list(cmd or _SHELL))}",
            *(f"LABEL {name}={value}" for name, value in {**dict.fromkeys(self.owner, "image"), **labels}.items()),
        ]
        self.engine.commit(self.id, reference, changes)

    def remove(self, paths: Sequence[str]) -> None:
        """Remove files of it."""
        if paths:
            self._stream(["/bin/sh", "-c", 'rm -f "$@"', "step", *paths], _DEFAULTS, lambda _: None)

    def _stream(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        told: Callable[[str], None],
        user: str = "0",
        workdir: str | None = None,
    ) -> int:
        process = self.engine.exec(self.id, argv, env=tuple(env.items()), user=user, workdir=workdir)
        try:
            rest = {1: b"", 2: b""}
            while (piece := process.read()) is not None:
                stream, data = piece
                *whole, rest[stream] = (rest[stream] + data).split(b"\n")
                for line in whole:
                    told(_text(line))
            for line in filter(None, rest.values()):
                told(_text(line))
            return process.exit_code()
        finally:
            process.close()


def _text(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r")
