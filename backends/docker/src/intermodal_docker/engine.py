"""What both engines can do, as one small synchronous contract. Calls block: make them in threads."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from intermodal.exception import BackendError

__all__ = [
    "Bind",
    "ContainerDetails",
    "CreateRequest",
    "Engine",
    "EngineBusy",
    "EngineInfo",
    "EngineUnavailable",
    "Exec",
    "ImageDetails",
    "NotThere",
    "Owners",
    "Piece",
    "Tmpfs",
    "VolumeDetails",
    "VolumeMount",
]

#: A standard stream's number, and bytes of it.
Piece: TypeAlias = tuple[Literal[1, 2], bytes]


class EngineUnavailable(BackendError):
    """No engine answers, or it does not let us in. The message says which command fixes it."""


class EngineBusy(BackendError):
    """The engine's state forbids this now: the container is gone already, or still on its way out."""


class NotThere(BackendError):
    """The engine knows no such container, image or program."""


@dataclass(frozen=True, slots=True)
class Bind:
    """A file or directory of the engine's machine at an absolute path inside."""

    source: str
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class VolumeMount:
    """A volume of the engine, by its name, at an absolute path inside. It takes over nothing from the image.

    One without a name is made for the container, empty, and goes with it.
    """

    name: str
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class Tmpfs:
    """An empty directory in memory. `size`: bytes at most."""

    target: str
    size: int | None = None


class Owners(Protocol):
    """Who owns what in a container."""

    def of(self, path: str, *, follow: bool) -> tuple[int, int]:
        """The user's and the group's number of `path`, links on the way followed; `follow`: of what it leads to, where
        it is a link itself."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateRequest:
    """A container to create.

    Args:
        image: its id or a reference.
        command: the words to run; with `entrypoint` None they are arguments of the image's own entrypoint.
        entrypoint: instead of the image's; empty: none.
        env: set over the image's variables.
        user: "" is the image's own.
        network: "default" is the engine's own network, with a way out.
        cpus: cores at most; `cpu_shares`: weight among busy ones (1024 for a core).
        memory, shm: MiB at most; memory limits swap, too.
        init: the engine's own init is process 1 and reaps orphans.
        stdin: keep standard input open for `attach`.
        logged: the engine keeps what it prints.
        remove: the engine removes it when it has ended.
        gpus: devices to pass in, by UUID.
        cap_drop: capabilities that it has not, of those that the engine would give it.
    """

    image: str
    command: Sequence[str] = ()
    entrypoint: Sequence[str] | None = None
    name: str | None = None
    env: Sequence[tuple[str, str]] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    workdir: str | None = None
    user: str = "0"
    hostname: str | None = None
    binds: Sequence[Bind] = ()
    volumes: Sequence[VolumeMount] = ()
    tmpfs: Sequence[Tmpfs] = ()
    network: Literal["default", "host", "none"] = "default"
    cpus: float | None = None
    cpu_shares: int | None = None
    memory: int | None = None
    pids: int | None = None
    shm: int | None = None
    init: bool = False
    stdin: bool = False
    logged: bool = True
    remove: bool = False
    gpus: Sequence[str] = ()
    cap_drop: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """The engine's machine: its release, cores, memory in MiB; `limits`: which of cpu, memory, pids it can limit."""

    version: str
    cpus: float
    memory: int
    limits: frozenset[str]
    rootless: bool = False
    desktop: bool = False  #: in a virtual machine of its own, which sees this machine's files through a share only


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerDetails:
    """One container. `code` is known once it has ended; `error` is why it could not start."""

    id: str
    name: str
    labels: Mapping[str, str]
    running: bool
    code: int | None = None
    oom_killed: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeDetails:
    """One volume. `created` is in Unix seconds; docker takes the last change of its uppermost directory for it."""

    labels: Mapping[str, str]
    created: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageDetails:
    """One image. `created` is in Unix seconds, `size` in bytes; the rest is its configuration."""

    id: str
    tags: tuple[str, ...]
    size: int
    created: float
    labels: Mapping[str, str]
    env: Mapping[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    workdir: str = ""
    user: str = ""
    architecture: str = ""


class Exec(Protocol):
    """A program that was started in a container, or a container that was attached to."""

    def detach(self) -> tuple[socket.socket, bytes]:
        """The connection, for whoever reads its frames without blocking; and what was read of it already. It is still
        `close` that closes it."""
        ...

    def read(self) -> Piece | None:
        """The next bytes of its output; None when it has ended."""
        ...

    def write(self, data: bytes) -> None:
        """Give it bytes on standard input. Raises `BrokenPipeError` where nobody reads them."""
        ...

    def close_stdin(self) -> None:
        """Its standard input ends here."""
        ...

    def resize(self, rows: int, columns: int) -> None:
        """Of its terminal."""
        ...

    def exit_code(self) -> int:
        """After `read` gave None."""
        ...

    def close(self) -> None:
        """Let go of the connection. Idempotent."""
        ...


class Engine(Protocol):
    """A container engine. Any method may raise `EngineUnavailable`, and `BackendError` with the engine's own words;
    where a container or an image is unknown, `NotThere`.

    References are names as the engine knows them ("python:3.11-slim-bookworm") or ids.
    """

    #: "docker" or "podman"
    name: str
    #: where it is: "unix:///var/run/docker.sock"
    address: str

    @property
    def remote(self) -> bool:
        """True where its files are not this machine's, as far as the address tells."""
        ...

    def info(self) -> EngineInfo:
        """Ask what it is and has. That may take it long: see `intermodal_docker.known`."""
        ...

    def release(self) -> str:
        """Which release of it answers. Quick."""
        ...

    # ---- containers ----

    def create(self, request: CreateRequest) -> str:
        """Create a container; its id."""
        ...

    def start(self, container: str) -> None: ...

    def kill(self, container: str, signal: int = 9) -> None:
        """Send its first process a signal. One that has ended is fine."""
        ...

    def wait(self, container: str) -> int:
        """Its exit code, once it has ended. Blocks as long as that takes."""
        ...

    def wait_removed(self, container: str) -> None:
        """Until the engine has removed it (`CreateRequest.remove`). One that is gone already is fine."""
        ...

    def remove(self, container: str) -> None:
        """Kill and remove it; returns when it is gone. One that is gone already is fine."""
        ...

    def container(self, container: str) -> ContainerDetails | None:
        """What it is doing; None where there is none."""
        ...

    def containers(self, labels: Mapping[str, str]) -> Sequence[ContainerDetails]:
        """All that have these labels, the ended ones too. An empty value stands for any."""
        ...

    def logs(self, container: str) -> Iterable[Piece]:
        """What it has printed so far."""
        ...

    def attach(self, container: str) -> Exec:
        """Its standard streams, from now on: attach first, then start. `exit_code` is the container's."""
        ...

    def exec(
        self,
        container: str,
        argv: Sequence[str],
        *,
        env: Sequence[tuple[str, str]] = (),
        workdir: str | None = None,
        user: str = "0",
        stdin: bool = False,
        tty: bool = False,
    ) -> Exec:
        """Start a program in a running container.

        One that is not there raises `NotThere`, or ends with 126 or 127 and the engine's words as its output.
        """
        ...

    def put_archive(self, container: str, path: str, archive: Iterator[bytes]) -> None:
        """Unpack a tar archive, which comes in pieces, into the directory `path` of a container, running or not.

        Raises `BackendError` where a file would take a directory's place, or the other way round.
        """
        ...

    def get_archive(self, container: str, path: str) -> Iterator[bytes]:
        """A tar archive of what lies at `path` in a container, running or not, in pieces: names begin with the last
        part of `path`. Raises `NotThere`."""
        ...

    def owners(self, container: str) -> Owners | None:
        """Who owns what in a container, as long as that is there; None where `get_archive` tells it."""
        ...

    # ---- volumes ----

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """Make an empty volume. One of that name that is there stays as it is, labels included."""
        ...

    def volumes(self, labels: Mapping[str, str]) -> Mapping[str, VolumeDetails]:
        """All volumes with these labels, by name. An empty value stands for any."""
        ...

    def volume_sizes(self) -> Mapping[str, int]:
        """What volumes take, in bytes, by name; of some the engine may not know. May take long: it looks at every file
        of them."""
        ...

    def remove_volume(self, name: str) -> None:
        """One that is gone already is fine. Raises `EngineBusy` where a container uses it."""
        ...

    # ---- images ----

    def commit(self, container: str, reference: str, changes: Sequence[str] = ()) -> str:
        """Make an image called `reference` of a container as it is now; its id. `changes` are instructions of a
        Dockerfile: ENV, LABEL, WORKDIR, ENTRYPOINT, CMD, USER."""
        ...

    def image(self, reference: str) -> ImageDetails | None:
        """None where the engine does not have it; it is not pulled."""
        ...

    def images(self, labels: Mapping[str, str]) -> Sequence[ImageDetails]:
        """All images with these labels. An empty value stands for any. Entrypoint, env and the like are not told."""
        ...

    def pull(self, reference: str, progress: Callable[[str], None], *, auth: tuple[str, str] | None = None) -> None:
        """Get an image from its registry; `progress` hears lines. `auth`: a user's name and password."""
        ...

    def import_image(self, archive: bytes, reference: str) -> None:
        """Make an image called `reference` whose root is a tar archive. It has no configuration."""
        ...

    def tag(self, image: str, reference: str) -> None: ...

    def remove_image(self, reference: str) -> None:
        """Remove a name, and the image if it was the last one. One that is gone already is fine.

        Raises `EngineBusy` where a container uses it.
        """
        ...

    def close(self) -> None:
        """Close all connections. Idempotent."""
        ...
