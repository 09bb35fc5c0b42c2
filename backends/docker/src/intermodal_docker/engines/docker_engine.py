"""Docker, by its own interface."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

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
from intermodal_docker.engines.docker_place import DOCKER_SOCKET, docker_place
from intermodal_docker.engines.exchange import Exchange, lines
from intermodal_docker.engines.hijack import Hijacked, pieces
from intermodal_docker.engines.local_wire import LocalWire
from intermodal_docker.engines.records import exec_request, label_filters, seconds, split_reference, variables
from intermodal_docker.engines.wire import Wire

__all__ = ["DockerEngine"]

_MIB = 1 << 20
#: Seconds that the engine may take for an answer, but for those that wait for a container.
_TIMEOUT_S = 120
#: From here on it is no HTTP.
_UPGRADE = {"Connection": "Upgrade", "Upgrade": "tcp"}


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
        self._docker = Exchange(self.name, self._wire(), _TIMEOUT_S, self._translated)

    @property
    def remote(self) -> bool:
        """See `intermodal_docker.engine.Engine`."""
        return self._place.remote

    def info(self) -> EngineInfo:
        """See `intermodal_docker.engine.Engine`."""
        told = self._docker.json("GET", "/info")
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
        with contextlib.closing(self._docker.ask("GET", "/_ping")) as answer:
            return str(answer.headers.get("Server"))

    # ---- containers ----

    def create(self, request: CreateRequest) -> str:
        """See `intermodal_docker.engine.Engine`."""
        return str(self._docker.json("POST", "/containers/create", body=_config(request), name=request.name)["Id"])

    def start(self, container: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        self._docker.read("POST", f"/containers/{container}/start")

    def kill(self, container: str, signal: int = 9) -> None:
        """See `intermodal_docker.engine.Engine`."""
        with contextlib.suppress(NotThere, EngineBusy):
            self._docker.read("POST", f"/containers/{container}/kill", signal=signal)

    def wait(self, container: str) -> int:
        """See `intermodal_docker.engine.Engine`."""
        return int(self._docker.json("POST", f"/containers/{container}/wait", patient=True)["StatusCode"])

    def wait_removed(self, container: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        with contextlib.suppress(NotThere):
            self._docker.read("POST", f"/containers/{container}/wait", patient=True, condition="removed")

    def remove(self, container: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        try:
            with contextlib.suppress(NotThere):
                self._docker.read("DELETE", f"/containers/{container}", v=True, force=True)
        except EngineBusy:  # somebody removes it already
            self.wait_removed(container)

    def container(self, container: str) -> ContainerDetails | None:
        """See `intermodal_docker.engine.Engine`."""
        try:
            told = self._docker.json("GET", f"/containers/{container}/json")
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
        told = self._docker.json("GET", "/containers/json", all=True, filters={"label": label_filters(labels)})
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
        return pieces(self._docker.read("GET", f"/containers/{container}/logs", stdout=True, stderr=True))

    def attach(self, container: str) -> Exec:
        """See `intermodal_docker.engine.Engine`."""
        place = f"/containers/{container}/attach"
        answer = self._docker.ask("POST", place, headers=_UPGRADE, stdin=True, stdout=True, stderr=True, stream=True)
        return Hijacked(answer, tty=False, exit_code=lambda: self.wait(container), resize=lambda *_: None)

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
        body = exec_request(argv, env, workdir, user, stdin=stdin, tty=tty)
        made = self._docker.json("POST", f"/containers/{container}/exec", body=body)["Id"]
        started = {"Detach": False, "Tty": tty}
        answer = self._docker.ask("POST", f"/exec/{made}/start", body=started, headers=_UPGRADE)

        def resize(rows: int, columns: int) -> None:
            self._docker.read("POST", f"/exec/{made}/resize", h=rows, w=columns)

        return Hijacked(
            answer,
            tty=tty,
            exit_code=lambda: int(self._docker.json("GET", f"/exec/{made}/json")["ExitCode"]),
            resize=resize,
        )

    def put_archive(self, container: str, path: str, archive: Iterator[bytes]) -> None:
        """See `intermodal_docker.engine.Engine`."""
        place = f"/containers/{container}/archive"
        self._docker.read("PUT", place, body=archive, path=path, noOverwriteDirNonDir=True)

    def get_archive(self, container: str, path: str) -> Iterator[bytes]:
        """See `intermodal_docker.engine.Engine`."""
        with contextlib.closing(self._docker.ask("GET", f"/containers/{container}/archive", path=path)) as answer:
            yield from answer.pieces(_MIB)

    def owners(self, container: str) -> None:
        """See `intermodal_docker.engine.Engine`."""

    # ---- volumes ----

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """See `intermodal_docker.engine.Engine`."""
        self._docker.read("POST", "/volumes/create", body={"Name": name, "Labels": dict(labels)})

    def volumes(self, labels: Mapping[str, str]) -> Mapping[str, VolumeDetails]:
        """See `intermodal_docker.engine.Engine`."""
        told = self._docker.json("GET", "/volumes", filters={"label": label_filters(labels)})["Volumes"]
        return {
            one["Name"]: VolumeDetails(labels=one.get("Labels") or {}, created=seconds(one.get("CreatedAt")))
            for one in told or ()
        }

    def volume_sizes(self) -> Mapping[str, int]:
        """See `intermodal_docker.engine.Engine`."""
        told = self._docker.json("GET", "/system/df", type="volume")["Volumes"]  # older ones look at all that they have
        return {one["Name"]: max(one["UsageData"]["Size"], 0) for one in told or ()}  # -1: not known

    def remove_volume(self, name: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        with contextlib.suppress(NotThere):
            self._docker.read("DELETE", f"/volumes/{name}")

    # ---- images ----

    def commit(self, container: str, reference: str, changes: Sequence[str] = ()) -> str:
        """See `intermodal_docker.engine.Engine`."""
        repository, tag = split_reference(reference)
        asked = {"container": container, "repo": repository, "tag": tag, "changes": "\n".join(changes) or None}
        return str(self._docker.json("POST", "/commit", body={}, **asked)["Id"])

    def image(self, reference: str) -> ImageDetails | None:
        """See `intermodal_docker.engine.Engine`."""
        try:
            told = self._docker.json("GET", f"/images/{reference}/json")
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
        told = self._docker.json("GET", "/images/json", filters={"label": label_filters(labels)})
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
        from intermodal_docker.engines.docker_package import login

        repository, tag = split_reference(reference)
        place, headers = "/images/create", login(reference, auth)
        for event in lines(
            self._docker.ask("POST", place, headers=headers, patient=True, fromImage=repository, tag=tag)
        ):
            if "error" in event:
                raise BackendError(f"docker could not pull {reference}: {event['error']}")
            if event.get("status") not in (None, "Downloading", "Extracting"):
                progress(" ".join(word for word in (event.get("id"), event["status"]) if word))

    def import_image(self, archive: bytes, reference: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        repository, tag = split_reference(reference)
        self._docker.read("POST", "/images/create", body=archive, fromSrc="-", repo=repository, tag=tag)

    def tag(self, image: str, reference: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        repository, tag = split_reference(reference)
        self._docker.read("POST", f"/images/{image}/tag", repo=repository, tag=tag)

    def remove_image(self, reference: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        with contextlib.suppress(NotThere):
            self._docker.read("DELETE", f"/images/{reference}")

    def close(self) -> None:
        """See `intermodal_docker.engine.Engine`."""
        self._docker.close()

    def _wire(self) -> Wire:
        if not self.remote:
            return LocalWire(self.name, self.address)
        from intermodal_docker.engines import docker_package
        from intermodal_docker.engines.package_wire import PackageWire

        make = docker_package.sender(self._place.tls, _TIMEOUT_S)
        return PackageWire(self.name, self._place, DOCKER_SOCKET, make, docker_package.FAILURES)

    def _translated(self, said: str) -> BackendError:
        if "HTTP request to an HTTPS server" in said:
            return EngineUnavailable(why_unavailable(self.name, self.address, BackendError(said)))
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
