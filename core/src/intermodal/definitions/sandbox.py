"""`Sandbox`: a container driven by hand (sandbox.*)."""

from __future__ import annotations

import builtins
import contextlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from intermodal.client.api import Client
from intermodal.client.checking import checked_class
from intermodal.client.dual import dual, dual_classmethod, dual_stream, dual_stream_classmethod
from intermodal.client.shown import shown
from intermodal.definitions.image import Image
from intermodal.definitions.lowering import lower_image
from intermodal.definitions.mount_paths import buckets_of, volumes_of
from intermodal.definitions.naming import check_name
from intermodal.definitions.networks import networks
from intermodal.definitions.options import Behaviour, plain_env, settings
from intermodal.definitions.sandbox_client import ask, clients_of, creator
from intermodal.definitions.sandbox_files import FileIO, FileWatchEvent, FileWatchEventType, file_request, watched
from intermodal.definitions.sandbox_process import ContainerProcess
from intermodal.definitions.sandbox_streams import StreamReader, StreamWriter
from intermodal.definitions.secrets import Secret
from intermodal.definitions.tunnels import Tunnel
from intermodal.exception import (
    InvalidError,
    NotFoundError,
    SandboxTerminatedError,
    SandboxTimeoutError,
)
from intermodal.specs import SandboxSpec, to_json

if TYPE_CHECKING:
    from intermodal.definitions.app import App

__all__ = ["Sandbox"]


@checked_class
class Sandbox:
    """A container in which a program of yours starts others, looks at files, and which it ends; made by `create`.

    It pickles as a handle, and `from_id` gives it anywhere in the same run, also inside functions.
    """

    def __init__(self, sandbox_id: str) -> None:
        self._id = sandbox_id
        self._code: int | None = None
        self._stdout: StreamReader[str] = StreamReader(sandbox_id, "", 1)
        self._stderr: StreamReader[str] = StreamReader(sandbox_id, "", 2)
        self._stdin = StreamWriter(sandbox_id, "")

    @dual_classmethod
    async def create(
        cls: type[Sandbox],
        /,
        *args: str,
        app: App | None = None,
        name: str | None = None,
        tags: Mapping[str, str] | None = None,
        image: Image | None = None,
        env: Mapping[str, str | None] | None = None,
        secrets: Sequence[Secret] = (),
        timeout: float = 300,
        idle_timeout: float | None = None,
        workdir: str | None = None,
        gpu: Any = None,
        cpu: float | tuple[float, float] | None = None,
        memory: int | tuple[int, int] | None = None,
        block_network: bool = False,
        cidr_allowlist: Sequence[str] | None = None,
        volumes: Mapping[Any, Any] | None = None,
        pty: bool = False,
        encrypted_ports: Sequence[int] = (),
        h2_ports: Sequence[int] = (),
        unencrypted_ports: Sequence[int] = (),
        **others: Any,
    ) -> Sandbox:
        """Start a sandbox; returns when its container runs.

        Args:
            args: its own program, with which it ends; without one it lasts until something ends it.
            app: to which it belongs, and with whose run it ends at the latest, or with this process if it was looked
                up; default: the one that runs.
            name: unique among the app's running sandboxes, for `from_name`.
            tags: words about it, for `list`.
            image: default: `Image.debian_slim()`.
            env, secrets: variables of all its processes.
            timeout: seconds after which it is ended, from its start.
            idle_timeout: seconds without any process that `exec` started, after which it is ended.
            workdir: absolute; default: the image's.
            gpu, cpu, memory: as for functions.
            block_network: nothing is reachable from inside; tunnels still work.
            cidr_allowlist: nothing is reachable from inside but these networks, as "10.0.0.0/8"; tunnels still work.
            volumes: volumes and buckets by the absolute paths where they are mounted. What is written to a volume is
                committed when the sandbox ends, whatever ends it.
            pty: the program has a terminal.
            encrypted_ports, h2_ports, unencrypted_ports: ports inside that `tunnels` lead to.

        Raises:
            AlreadyExistsError: the name is taken.
            CapabilityNotSupported: the backend cannot do this.
            ContainerStartError: it cannot start, for a bucket that cannot be read, or whatever the message says.
            ImageBuildError, ResourceExhaustedError: the image does not build; there can never be room.
            InvalidError: nothing runs that could start it, or an argument is wrong.
        """
        _refuse(others)
        reachable = networks(cidr_allowlist, block_network)
        image = image or Image.debian_slim()
        behaviour = settings(
            "Sandbox.create",
            Behaviour(),
            {
                "cpu": cpu,
                "memory": memory,
                "gpu": gpu,
                "timeout": timeout,
                "block_network": block_network,
                "env": env,
                "secrets": list(secrets),
                "volumes": volumes,
            },
        )
        lowered, keys = lower_image(image), _Keys()
        spec = SandboxSpec(
            app=(app.name if app is not None else None) or "",
            image=lowered.spec,
            argv=args,
            name=None if name is None else check_name("a sandbox", name),
            mounts=lowered.mounts,
            resources=behaviour.resources,
            env=behaviour.env,
            workdir=_absolute(workdir),
            timeout_s=behaviour.timeout_s,
            idle_timeout_s=_seconds("idle_timeout", idle_timeout),
            block_network=block_network or reachable is not None,
            reachable=reachable or (),
            ports=_ports([*encrypted_ports, *h2_ports, *unencrypted_ports]),
            encrypted=_ports([*encrypted_ports, *h2_ports]),
            tags=_tags(tags),
            pty=pty,
            volumes=volumes_of(behaviour.volumes),
            buckets=buckets_of(behaviour.volumes, keys.name_of),
        )
        params = {
            "spec": to_json(spec),
            "env": _values(behaviour.secrets),
            "blobs": list(lowered.blobs),
            "build_secrets": lowered.secrets,
            "bucket_secrets": keys.values,
        }
        blobs = [blob if isinstance(blob, bytes) else blob.read_bytes() for blob in lowered.blobs.values()]
        client = await creator(app)
        reply = await client.request("sandbox.create", params, blobs)
        return cls(str(reply.value["id"]))

    @dual_classmethod
    async def from_id(cls: type[Sandbox], sandbox_id: str) -> Sandbox:
        """The one with this id. Raises `NotFoundError`."""
        await ask(sandbox_id, "info")
        return cls(sandbox_id)

    @dual_classmethod
    async def from_name(cls: type[Sandbox], app_name: str, name: str) -> Sandbox:
        """The running one of this name. Raises `NotFoundError`."""
        *others, last = clients_of(app_name)
        for client in others:
            with contextlib.suppress(NotFoundError):
                return cls(await _named(client, app_name, name))
        return cls(await _named(last, app_name, name))

    @dual_stream_classmethod
    async def list(
        cls: type[Sandbox], *, app_id: str | None = None, tags: Mapping[str, str] | None = None
    ) -> AsyncGenerator[Sandbox, None]:
        """Those that have not ended, the newest first; with all of these tags."""
        asked = {"app_id": app_id, "tags": dict(_tags(tags))}
        for client in clients_of(None):
            for each in reversed((await client.request("sandbox.list", asked)).value):
                yield cls(str(each["id"]))

    @property
    def object_id(self) -> str:
        """Its id."""
        return self._id

    @property
    def stdin(self) -> StreamWriter:
        """The standard input of its own program."""
        return self._stdin

    @property
    def stdout(self) -> StreamReader[str]:
        """The standard output of its own program."""
        return self._stdout

    @property
    def stderr(self) -> StreamReader[str]:
        """The standard error of its own program."""
        return self._stderr

    @property
    def returncode(self) -> int | None:
        """Its exit code as `wait` or `poll` gave it last; None before."""
        return self._code

    @dual
    async def exec(
        self,
        *args: str,
        timeout: float | None = None,
        workdir: str | None = None,
        env: Mapping[str, str | None] | None = None,
        secrets: Sequence[Secret] = (),
        text: bool = True,
        bufsize: Literal[-1, 1] = -1,
        pty: bool = False,
    ) -> ContainerProcess[Any]:
        """Start a program in it.

        Args:
            args: the program and its arguments; no shell reads them.
            timeout: seconds after which it is killed; its `wait()` gives -1 then.
            workdir: absolute; default: the sandbox's.
            env, secrets: variables besides the sandbox's.
            text: streams give text; False: exact bytes.
            bufsize: 1: iterating a stream gives lines.
            pty: it has a terminal.

        Raises:
            NotFoundError: the sandbox has ended.
        """
        if not args:
            raise InvalidError("Sandbox.exec() needs a program: exec('ls', '-l')")
        reply = await ask(
            self._id,
            "exec",
            argv=list(args),
            env={**dict(plain_env(env or {})), **_values(tuple(secrets))},
            workdir=_absolute(workdir),
            timeout=_seconds("timeout", timeout),
            terminal=[24, 80] if pty else None,
        )
        return ContainerProcess(self._id, str(reply.value["process"]), text=text, by_line=bufsize == 1)

    @dual
    async def wait(self, raise_on_termination: bool = True) -> None:
        """Wait for its end, and take note of its exit code as `returncode`.

        Raises:
            SandboxTimeoutError: it lasted longer than its `timeout` (exit code 124).
            SandboxTerminatedError: something ended it (exit code 137). Neither for a plain exit code that is not 0, nor
                with `raise_on_termination=False`.
        """
        ending = (await ask(self._id, "wait")).value
        self._code = ending["code"]
        if not raise_on_termination:
            return
        if ending["cause"] == "timeout":
            raise SandboxTimeoutError(f"sandbox {self._id} lasted longer than its timeout")
        if ending["cause"] == "terminated":
            raise SandboxTerminatedError(f"sandbox {self._id} was terminated")
        if ending["cause"] == "lost":
            raise SandboxTerminatedError(f"sandbox {self._id} was lost: {ending['detail']}")

    @dual
    async def poll(self) -> int | None:
        """Its exit code; None while it runs."""
        self._code = (await ask(self._id, "wait", now=True)).value["code"]
        return self._code

    @dual
    async def terminate(self, *, wait: bool = False) -> int | None:
        """End it and everything in it; returns when nothing is left. Again, or afterwards, it changes nothing.

        Gives the exit code with `wait=True`.
        """
        self._code = (await ask(self._id, "terminate")).value["code"]
        return self._code if wait else None

    @dual
    async def open(self, path: str, mode: str = "r") -> FileIO[Any]:
        """Open a file in it, as the builtin does. Paths are absolute.

        Raises:
            CapabilityNotSupported: its image has no Python, which looks at files.
            FileNotFoundError: and the operating system's other errors.
        """
        number = (await file_request(self._id, "open", path=path, mode=mode)).value
        return FileIO(self._id, int(number), mode)

    @dual
    async def ls(self, path: str) -> builtins.list[str]:
        """The names in a directory, in order. Raises as `open`."""
        found: builtins.list[str] = (await file_request(self._id, "ls", path=path)).value
        return found

    @dual
    async def mkdir(self, path: str, parents: bool = False) -> None:
        """Make a directory; with `parents` those above it, too, and one that is there is fine. Raises as `open`."""
        await file_request(self._id, "mkdir", path=path, parents=parents)

    @dual
    async def rm(self, path: str, recursive: bool = False) -> None:
        """Remove a file, or with `recursive` a directory and all in it. Raises as `open`."""
        await file_request(self._id, "rm", path=path, recursive=recursive)

    @dual_stream
    async def watch(
        self,
        path: str,
        filter: Sequence[FileWatchEventType] | None = None,
        recursive: bool = False,
        timeout: float | None = None,
    ) -> AsyncGenerator[FileWatchEvent, None]:
        """Changes of a file, or in a directory, from the first iteration on.

        Args:
            filter: only these kinds.
            recursive: in directories below, too.
            timeout: seconds without a change, after which it ends.

        Raises as `open`.
        """
        changes = watched(self._id, path, filter, recursive, _seconds("timeout", timeout))
        try:
            async for event in changes:
                yield event
        finally:
            await changes.aclose()

    @dual
    async def snapshot_filesystem(self, timeout: float = 55) -> Image:
        """An image with its files as they are now, for other sandboxes and functions. It goes on meanwhile.

        It outlasts the run: `Image.from_id` finds it by its `object_id`, until `intermodal image prune` removes it.

        Raises:
            CapabilityNotSupported: the backend cannot.
        """
        kept = (await ask(self._id, "snapshot")).value
        return Image.from_id(f"im-{kept['id']}")

    @dual
    async def reload_volumes(self, timeout: float = 55) -> None:
        """Show what others have published to its volumes since it started or last did this; what it has written is
        published first (volume.reload).

        Args:
            timeout: accepted for programs that give one; it takes as long as what is published.

        Raises:
            RuntimeError: one of its processes has a file open in a volume, or its working directory; the message names
                it, and volumes that come later stay as they are.
        """
        await ask(self._id, "reload")

    @dual
    async def tunnels(self, timeout: float = 50) -> dict[int, Tunnel]:
        """How to reach its `encrypted_ports`, `h2_ports` and `unencrypted_ports`, by port.

        A connection is refused as long as nothing listens at the port inside.
        """
        reply = await ask(self._id, "tunnels")
        return {inside: Tunnel("127.0.0.1", port, plain) for inside, port, plain in reply.value}

    @dual
    async def set_tags(self, tags: Mapping[str, str]) -> None:
        """Have these tags instead of those before."""
        await ask(self._id, "tag", tags=dict(_tags(tags)))

    @dual
    async def get_tags(self) -> dict[str, str]:
        """Its tags."""
        found: dict[str, str] = (await ask(self._id, "info")).value["tags"]
        return found

    def __repr__(self) -> str:
        return f"Sandbox({self._id!r})"

    def __reduce__(self) -> tuple[type[Sandbox], tuple[str]]:
        return Sandbox, (self._id,)


class _Keys:
    """What a sandbox's buckets are read with: `values` of secrets by their names."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, str]] = {}
        self._names: dict[int, str] = {}

    def name_of(self, secret: Secret) -> str:
        name = self._names.setdefault(id(secret), f"bucket-{len(self._names) + 1}")
        if name not in self.values:
            self.values[name] = dict(secret.values())
        return name


def _refuse(others: Mapping[str, Any]) -> None:
    settings("Sandbox.create", Behaviour(), others)  # refuses what means nothing here, and what nobody knows
    if others:
        raise InvalidError(f"Sandbox.create has no option {next(iter(others))!r}")


async def _named(client: Client, app: str, name: str) -> str:
    reply = await client.request("sandbox.from_name", {"app": app, "name": name})
    return str(reply.value["id"])


def _absolute(workdir: str | None) -> str | None:
    if workdir is not None and not workdir.startswith("/"):
        raise InvalidError(f"workdir={shown(workdir)} must be an absolute path")
    return workdir


def _seconds(name: str, value: float | None) -> float | None:
    if value is not None and value <= 0:
        raise InvalidError(f"{name}={value} must be seconds, more than 0, or None")
    return None if value is None else float(value)


def _ports(ports: Sequence[int]) -> tuple[int, ...]:
    for port in ports:
        if not 0 < port < 1 << 16:
            raise InvalidError(f"{port} is no port: 1 to 65535")
    return tuple(dict.fromkeys(ports))


def _tags(tags: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    return tuple((tags or {}).items())


def _values(secrets: tuple[Secret, ...]) -> dict[str, str]:
    return {name: value for secret in secrets for name, value in secret.values().items()}
