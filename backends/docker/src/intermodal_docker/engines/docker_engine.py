"""Docker, through the package `docker`."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import docker.errors
import requests
from docker.api.client import APIClient

from intermodal.exception import BackendError
from intermodal_docker.engine import (
    ContainerDetails,
    CreateRequest,
    EngineBusy,
    EngineInfo,
    EngineUnavailable,
    Exec,
    ImageDetails,
    NotThere,
    Piece,
    VolumeDetails,
)
from intermodal_docker.engines.advice import why_unavailable
from intermodal_docker.engines.connection import Connection
from intermodal_docker.engines.docker_place import DOCKER_SOCKET, docker_place
from intermodal_docker.engines.hijack import Hijacked
from intermodal_docker.engines.records import label_filters, seconds, split_reference, variables

__all__ = ["DockerEngine"]

_MIB = 1 << 20
#: Seconds that the engine may take for an answer, but for those that wait for a container.
_TIMEOUT_S = 120


class DockerEngine:
    """Implements `intermodal_docker.engine.Engine`. Connects when first asked.

    Args:
        address: "unix:///path", "tcp://host:port", "ssh://user@host" or the name of a context; None: what the command
            `docker` would use.
    """

    name = "docker"

    def __init__(self, address: str | None = None) -> None:
        self._place = docker_place(address)
        self.address = self._place.address
        self._connection = Connection(self.name, self._place, DOCKER_SOCKET, self._client)

    @property
    def remote(self) -> bool:
        """See `intermodal_docker.engine.Engine`."""
        return self._place.remote

    def info(self) -> EngineInfo:
        """See `intermodal_docker.engine.Engine`."""
        with self._talking() as client:
            told = client.info()
        limits = {"cpu": told.get("CpuCfsQuota"), "memory": told.get("MemoryLimit"), "pids": told.get("PidsLimit")}
        return EngineInfo(
            version=told["ServerVersion"],
            cpus=float(told["NCPU"]),
            memory=told["MemTotal"] // _MIB,
            limits=frozenset(name for name, able in limits.items() if able),
            rootless=any("rootless" in option for option in told.get("SecurityOptions") or ()),
            desktop="desktop" in told.get("OperatingSystem", "").lower(),
        )

    def release(self) -> str:
        """See `intermodal_docker.engine.Engine`. Not its version, for which it runs other programs."""
        with self._talking() as client:
            return str(_ping(client).headers.get("Server"))

    # ---- containers ----

    def create(self, request: CreateRequest) -> str:
        """See `intermodal_docker.engine.Engine`."""
        with self._talking() as client:
            return str(client.create_container_from_config(_config(request), request.name)["Id"])

    def start(self, container: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        with self._talking() as client:
            client.start(container)

    def kill(self, container: str, signal: int = 9) -> None:
        """See `intermodal_docker.engine.Engine`."""
        with contextlib.suppress(NotThere, EngineBusy), self._talking() as client:
            client.kill(container, signal)

    def wait(self, container: str) -> int:
        """See `intermodal_docker.engine.Engine`."""
        with self._talking() as client:
            return int(client.wait(container, timeout=_FOREVER)["StatusCode"])

    def wait_removed(self, container: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        with contextlib.suppress(NotThere), self._talking() as client:
            client.wait(container, timeout=_FOREVER, condition="removed")

    def remove(self, container: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        try:
            with contextlib.suppress(NotThere), self._talking() as client:
                client.remove_container(container, v=True, force=True)
        except EngineBusy:  # somebody removes it already
            self.wait_removed(container)

    def container(self, container: str) -> ContainerDetails | None:
        """See `intermodal_docker.engine.Engine`."""
        try:
            with self._talking() as client:
                told = client.inspect_container(container)
        except NotThere:
            return None
        state = told["State"]
        running = bool(state["Running"])
        return ContainerDetails(
            id=told["Id"],
            name=told["Name"].lstrip("/"),
            labels=told["Config"].get("Labels") or {},
            running=running,
            code=None if running or state["Status"] == "created" else int(state["ExitCode"]),
            oom_killed=bool(state["OOMKilled"]),
            error=state.get("Error") or "",
        )

    def containers(self, labels: Mapping[str, str]) -> Sequence[ContainerDetails]:
        """See `intermodal_docker.engine.Engine`."""
        with self._talking() as client:
            told = client.containers(all=True, filters={"label": label_filters(labels)})
        return [
            ContainerDetails(
                id=one["Id"],
                name=one["Names"][0].lstrip("/") if one["Names"] else "",
                labels=one["Labels"] or {},
                running=one["State"] == "running",
            )
            for one in told
        ]

    def logs(self, container: str) -> Iterable[Piece]:
        """See `intermodal_docker.engine.Engine`."""
        with self._talking() as client:
            response = (
                client.logs(container, stdout=True, stderr=False),
                client.logs(container, stdout=False, stderr=True),
            )
        return [(1, response[0]), (2, response[1])]

    def attach(self, container: str) -> Exec:
        """See `intermodal_docker.engine.Engine`."""
        with self._talking() as client:
            asked = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            raw = client.attach_socket(container, asked)
        return Hijacked(raw._response, tty=False, exit_code=lambda: self.wait(container), resize=lambda *_: None)

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
        """See `intermodal_docker.engine.Engine`."""
        with self._talking() as client:
            made = client.exec_create(
                container, list(argv), stdin=stdin, tty=tty, environment=dict(env), workdir=workdir, user=user
            )["Id"]
            raw = client.exec_start(made, tty=tty, socket=True)

        def exit_code() -> int:
            with self._talking() as client:
                return int(client.exec_inspect(made)["ExitCode"])

        def resize(rows: int, columns: int) -> None:
            with self._talking() as client:
                client.exec_resize(made, height=rows, width=columns)

        return Hijacked(raw._response, tty=tty, exit_code=exit_code, resize=resize)

    def put_archive(self, container: str, path: str, archive: Iterator[bytes]) -> None:
        """See `intermodal_docker.engine.Engine`."""
        with self._talking() as client:
            place = client._url("/containers/{0}/archive", container)
            asked = {"path": path, "noOverwriteDirNonDir": "true"}
            client._raise_for_status(client._put(place, params=asked, data=archive))

    def get_archive(self, container: str, path: str) -> Iterator[bytes]:
        """See `intermodal_docker.engine.Engine`."""
        with self._talking() as client:
            pieces, _ = client.get_archive(container, path, chunk_size=_MIB)
            yield from pieces

    def owners(self, container: str) -> None:
        """See `intermodal_docker.engine.Engine`."""

    # ---- volumes ----

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """See `intermodal_docker.engine.Engine`."""
        with self._talking() as client:
            client.create_volume(name, labels=dict(labels))

    def volumes(self, labels: Mapping[str, str]) -> Mapping[str, VolumeDetails]:
        """See `intermodal_docker.engine.Engine`."""
        with self._talking() as client:
            told = client.volumes(filters={"label": label_filters(labels)})["Volumes"]
        return {
            one["Name"]: VolumeDetails(labels=one.get("Labels") or {}, created=seconds(one.get("CreatedAt")))
            for one in told or ()
        }

    def volume_sizes(self) -> Mapping[str, int]:
        """See `intermodal_docker.engine.Engine`."""
        with self._talking() as client:
            asked = {"type": "volume"}  # older engines look at all that they have
            told = client._result(client._get(client._url("/system/df"), params=asked), True)["Volumes"]
        return {one["Name"]: max(one["UsageData"]["Size"], 0) for one in told or ()}  # -1: not known

    def remove_volume(self, name: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        with contextlib.suppress(NotThere), self._talking() as client:
            client.remove_volume(name)

    # ---- images ----

    def commit(self, container: str, reference: str, changes: Sequence[str] = ()) -> str:
        """See `intermodal_docker.engine.Engine`."""
        repository, tag = split_reference(reference)
        with self._talking() as client:
            return str(client.commit(container, repository, tag, changes=list(changes) or None)["Id"])

    def image(self, reference: str) -> ImageDetails | None:
        """See `intermodal_docker.engine.Engine`."""
        try:
            with self._talking() as client:
                told = client.inspect_image(reference)
        except NotThere:
            return None
        config = told.get("Config") or {}
        return ImageDetails(
            id=told["Id"],
            tags=tuple(told.get("RepoTags") or ()),
            size=told["Size"],
            created=seconds(told.get("Created")),
            labels=config.get("Labels") or {},
            env=variables(config.get("Env")),
            entrypoint=tuple(config.get("Entrypoint") or ()),
            command=tuple(config.get("Cmd") or ()),
            workdir=config.get("WorkingDir") or "",
            user=config.get("User") or "",
            architecture=told.get("Architecture") or "",
        )

    def images(self, labels: Mapping[str, str]) -> Sequence[ImageDetails]:
        """See `intermodal_docker.engine.Engine`."""
        with self._talking() as client:
            told = client.images(filters={"label": label_filters(labels)})
        return [
            ImageDetails(
                id=one["Id"],
                tags=tuple(tag for tag in one.get("RepoTags") or () if tag != "<none>:<none>"),
                size=one["Size"],
                created=float(one["Created"]),
                labels=one.get("Labels") or {},
            )
            for one in told
        ]

    def pull(self, reference: str, progress: Callable[[str], None], *, auth: tuple[str, str] | None = None) -> None:
        """See `intermodal_docker.engine.Engine`."""
        repository, tag = split_reference(reference)
        login = {"username": auth[0], "password": auth[1]} if auth else None
        with self._talking() as client:
            for event in client.pull(repository, tag, stream=True, decode=True, auth_config=login):
                if "error" in event:
                    raise BackendError(f"docker could not pull {reference}: {event['error']}")
                if event.get("status") not in (None, "Downloading", "Extracting"):
                    progress(" ".join(word for word in (event.get("id"), event["status"]) if word))

    def import_image(self, archive: bytes, reference: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        repository, tag = split_reference(reference)
        with self._talking() as client:
            client.import_image_from_data(archive, repository, tag)

    def tag(self, image: str, reference: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        repository, tag = split_reference(reference)
        with self._talking() as client:
            client.tag(image, repository, tag)

    def remove_image(self, reference: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        with contextlib.suppress(NotThere), self._talking() as client:
            client.remove_image(reference)

    def close(self) -> None:
        """See `intermodal_docker.engine.Engine`."""
        self._connection.close()

    def _client(self, address: str) -> Any:
        return _Client(address, version="auto", timeout=_TIMEOUT_S, tls=self._place.tls or False)

    @contextlib.contextmanager
    def _talking(self) -> Iterator[Any]:
        """The client; what it raises becomes an error of ours."""
        try:
            yield self._connection.client()
        except docker.errors.NotFound as error:
            raise NotThere(f"docker: {error.explanation}") from None
        except docker.errors.APIError as error:
            if "HTTP request to an HTTPS server" in str(error.explanation):
                raise EngineUnavailable(why_unavailable(self.name, self.address, error)) from None
            raise _translated(error) from None
        except (docker.errors.DockerException, requests.RequestException) as error:
            raise EngineUnavailable(why_unavailable(self.name, self.address, error)) from None


#: A read without a timeout.
_FOREVER = (_TIMEOUT_S, None)


class _Client(APIClient):  # type: ignore[misc]
    """The package's, with the engine's own certificates only: `REQUESTS_CA_BUNDLE` and the like are about others. Which
    version of the API to speak, the quickest of its answers says."""

    def _retrieve_server_version(self) -> Any:
        self.trust_env = False
        return _ping(self).headers.get("Api-Version") or super()._retrieve_server_version()


def _ping(client: Any) -> Any:
    return client._get(client._url("/_ping", versioned_api=False))


def _translated(error: docker.errors.APIError) -> BackendError:
    said = f"docker: {error.explanation or error}"
    if error.status_code == 409:
        return EngineBusy(said)
    if "executable file not found" in said or "no such file or directory: unknown" in said:
        return NotThere(said)
    return BackendError(said)


def _config(request: CreateRequest) -> dict[str, Any]:
    """The body of docker's request."""
    host: dict[str, Any] = {
        "Mounts": [
            {"Type": "bind", "Source": bind.source, "Target": bind.target, "ReadOnly": bind.read_only}
            for bind in request.binds
        ]
        + [
            {
                "Type": "volume",
                "Target": volume.target,
                "ReadOnly": volume.read_only,
                "VolumeOptions": {"NoCopy": True},
                **({"Source": volume.name} if volume.name else {}),
            }
            for volume in request.volumes
        ],
        "Tmpfs": {tmpfs.target: "" if tmpfs.size is None else f"size={tmpfs.size}" for tmpfs in request.tmpfs},
        "NetworkMode": request.network,
        "AutoRemove": request.remove,
        "Init": request.init,
        "CapDrop": list(request.cap_drop),
    }
    if request.cpus is not None:
        host["NanoCpus"] = int(request.cpus * 1e9)
    if request.cpu_shares is not None:
        host["CpuShares"] = request.cpu_shares
    if request.memory is not None:
        host["Memory"] = host["MemorySwap"] = request.memory * _MIB
    if request.pids is not None:
        host["PidsLimit"] = request.pids
    if request.shm is not None:
        host["ShmSize"] = request.shm * _MIB
    if not request.logged:
        host["LogConfig"] = {"Type": "none"}
    if request.gpus:
        host["DeviceRequests"] = [{"DeviceIDs": list(request.gpus), "Capabilities": [["gpu"]]}]
    config: dict[str, Any] = {
        "Image": request.image,
        "Cmd": list(request.command),
        "Env": [f"{name}={value}" for name, value in request.env],
        "Labels": dict(request.labels),
        "User": request.user,
        "HostConfig": host,
        "OpenStdin": request.stdin,
        "StdinOnce": request.stdin,
    }
    if request.entrypoint is not None:
        config["Entrypoint"] = list(request.entrypoint)
    if request.workdir is not None:
        config["WorkingDir"] = request.workdir
    if request.hostname is not None:
        config["Hostname"] = request.hostname
    return config
