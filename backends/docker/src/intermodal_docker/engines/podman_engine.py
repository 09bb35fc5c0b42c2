"""Podman, by its own interface."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, cast

from intermodal.exception import BackendError
from intermodal_docker.engine import (
    ContainerDetails,
    CreateRequest,
    EngineBusy,
    EngineInfo,
    Exec,
    ImageDetails,
    NotThere,
    Owners,
    Piece,
    VolumeDetails,
)
from intermodal_docker.engines.exchange import Exchange, lines
from intermodal_docker.engines.hijack import Hijacked, pieces
from intermodal_docker.engines.local_wire import LocalWire
from intermodal_docker.engines.owners import exported, mounted
from intermodal_docker.engines.podman_place import PODMAN_SOCKET, podman_place
from intermodal_docker.engines.podman_spec import specification
from intermodal_docker.engines.records import (
    exec_request,
    label_filters,
    on_docker_hub,
    registry_of,
    seconds,
    split_reference,
    variables,
)
from intermodal_docker.engines.wire import Wire

__all__ = ["PodmanEngine"]

_MIB = 1 << 20
#: Of its interface; older services take newer numbers.
_VERSION = "/v5.0.0/libpod"
#: What podman says of a container that is in another state than it was a moment before.
_MEANWHILE = "container state improper"
#: How often a container is asked to be removed that is so.
_REMOVALS = 5
#: How often it is asked about many things: it gives up where one of them goes while it looks.
_LISTINGS = 20
_GONE = re.compile(r"no such (container|volume|image)|(container|image|layer) not known")


class PodmanEngine:
    """Implements `intermodal_docker.engine.Engine`. Connects when first asked.

    Args:
        address: "unix:///path", "tcp://host:port", "ssh://user@host/path" or the name of a connection; None: what
            `CONTAINER_HOST` or `CONTAINER_CONNECTION` says, or the socket of this user's own podman.
    """

    name = "podman"

    def __init__(self, address: str | None = None) -> None:
        self._place = podman_place(address)
        self.address = self._place.address
        self._podman = Exchange(self.name, self._wire(), None, _translated)

    @property
    def remote(self) -> bool:
        """See `intermodal_docker.engine.Engine`."""
        return self._place.remote

    def info(self) -> EngineInfo:
        """See `intermodal_docker.engine.Engine`."""
        told = self._podman.json("GET", "/info")
        host = told["host"]
        able = set(host.get("cgroupControllers") or ())
        return EngineInfo(
            version=told["version"]["Version"],
            cpus=float(host["cpus"]),
            memory=host["memTotal"] // _MIB,
            limits=frozenset({"cpu", "memory", "pids"} & able),
            rootless=bool(host["security"]["rootless"]),
        )

    def release(self) -> str:
        """See `intermodal_docker.engine.Engine`. Not its version, which it collects from other programs."""
        with contextlib.closing(self._podman.ask("GET", "/_ping")) as answer:
            return str(answer.headers.get("Server"))

    # ---- containers ----

    def create(self, request: CreateRequest) -> str:
        """See `intermodal_docker.engine.Engine`."""
        return str(self._podman.json("POST", "/containers/create", body=specification(request))["Id"])

    def start(self, container: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        self._podman.read("POST", f"/containers/{container}/start")

    def kill(self, container: str, signal: int = 9) -> None:
        """See `intermodal_docker.engine.Engine`."""
        with contextlib.suppress(NotThere, EngineBusy):
            self._podman.read("POST", f"/containers/{container}/kill", signal=signal)

    def wait(self, container: str) -> int:
        """See `intermodal_docker.engine.Engine`."""
        return int(self._podman.read("POST", f"/containers/{container}/wait", condition="stopped"))

    def wait_removed(self, container: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        with contextlib.suppress(NotThere):
            self._podman.read("POST", f"/containers/{container}/wait", condition="removing")
            self.remove(container)  # it is on its way: this waits for its lock

    def remove(self, container: str) -> None:
        """See `intermodal_docker.engine.Engine`. One that ends while podman is about to stop it, it removes when asked
        again."""
        with contextlib.suppress(NotThere):
            for left in reversed(range(_REMOVALS)):
                try:
                    # Its documents call the last one `v`, and some releases know either name only.
                    self._podman.read("DELETE", f"/containers/{container}", force=True, timeout=0, v=True, volumes=True)
                    return
                except BackendError as error:
                    if not left or _MEANWHILE not in str(error):
                        raise

    def container(self, container: str) -> ContainerDetails | None:
        """See `intermodal_docker.engine.Engine`."""
        try:
            told = self._podman.json("GET", f"/containers/{container}/json")
        except NotThere:
            return None
        state = told["State"]
        ended = state["Status"] in ("exited", "stopped", "removing")
        return ContainerDetails(
            id=told["Id"],
            name=told["Name"],
            labels=told["Config"].get("Labels") or {},
            running=bool(state["Running"]),
            code=int(state["ExitCode"]) if ended else None,
            oom_killed=bool(state["OOMKilled"]),
            error=state.get("Error") or "",
        )

    def containers(self, labels: Mapping[str, str]) -> Sequence[ContainerDetails]:
        """See `intermodal_docker.engine.Engine`."""
        told = self._list("/containers/json", all=True, filters=_filters(labels))
        return [
            ContainerDetails(
                id=one["Id"],
                name=one["Names"][0] if one["Names"] else "",
                labels=one["Labels"] or {},
                running=one["State"] == "running",
            )
            for one in told or ()
        ]

    def logs(self, container: str) -> Iterable[Piece]:
        """See `intermodal_docker.engine.Engine`."""
        return pieces(self._podman.read("GET", f"/containers/{container}/logs", stdout=True, stderr=True))

    def attach(self, container: str) -> Exec:
        """See `intermodal_docker.engine.Engine`."""
        answer = self._podman.ask("POST", f"/containers/{container}/attach", stdin=True, stdout=True, stderr=True)
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
        made = self._podman.json("POST", f"/containers/{container}/exec", body=body)["Id"]
        answer = self._podman.ask("POST", f"/exec/{made}/start", body={"Detach": False, "Tty": tty})

        def resize(rows: int, columns: int) -> None:
            self._podman.read("POST", f"/exec/{made}/resize", h=rows, w=columns)

        return Hijacked(
            answer,
            tty=tty,
            exit_code=lambda: int(self._podman.json("GET", f"/exec/{made}/json")["ExitCode"]),
            resize=resize,
        )

    def put_archive(self, container: str, path: str, archive: Iterator[bytes]) -> None:
        """See `intermodal_docker.engine.Engine`."""
        # The last one is called as docker calls it, and means: give all to root.
        self._podman.read(
            "PUT",
            f"/containers/{container}/archive",
            body=archive,
            path=path,
            noOverwriteDirNonDir=True,
            copyUIDGID=False,
        )

    def get_archive(self, container: str, path: str) -> Iterator[bytes]:
        """See `intermodal_docker.engine.Engine`."""
        with contextlib.closing(self._podman.ask("GET", f"/containers/{container}/archive", path=path)) as answer:
            yield from answer.pieces(_MIB)

    def owners(self, container: str) -> Owners:
        """See `intermodal_docker.engine.Engine`. Podman's archives give all to root; mounts and exports do not."""
        with contextlib.suppress(BackendError):
            if not self.remote:
                root = self._podman.read("POST", f"/containers/{container}/mount").decode().strip()
                if seen := mounted(root):
                    return seen
        with (
            contextlib.closing(self._podman.ask("GET", f"/containers/{container}/export")) as answer,
            tarfile.open(fileobj=cast("IO[bytes]", answer), mode="r|") as tar,
        ):
            return exported(tar)

    # ---- volumes ----

    def create_volume(self, name: str, labels: Mapping[str, str]) -> None:
        """See `intermodal_docker.engine.Engine`."""
        try:
            self._podman.read("POST", "/volumes/create", body={"Name": name, "Labels": dict(labels)})
        except BackendError as error:
            if "volume already exists" not in str(error):
                raise

    def volumes(self, labels: Mapping[str, str]) -> Mapping[str, VolumeDetails]:
        """See `intermodal_docker.engine.Engine`."""
        told = self._list("/volumes/json", filters=_filters(labels))
        return {
            one["Name"]: VolumeDetails(labels=one.get("Labels") or {}, created=seconds(one.get("CreatedAt")))
            for one in told or ()
        }

    def volume_sizes(self) -> Mapping[str, int]:
        """See `intermodal_docker.engine.Engine`."""
        return {one["VolumeName"]: one["Size"] for one in self._list("/system/df")["Volumes"] or ()}

    def remove_volume(self, name: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        with contextlib.suppress(NotThere):
            self._podman.read("DELETE", f"/volumes/{name}")

    # ---- images ----

    def commit(self, container: str, reference: str, changes: Sequence[str] = ()) -> str:
        """See `intermodal_docker.engine.Engine`."""
        repository, tag = split_reference(reference)
        told = self._podman.json(
            "POST", "/commit", container=container, repo=repository, tag=tag, changes=list(changes), format="docker"
        )
        return str(told["Id"])

    def image(self, reference: str) -> ImageDetails | None:
        """See `intermodal_docker.engine.Engine`."""
        try:
            told = self._podman.json("GET", f"/images/{reference}/json")
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
        told = self._list("/images/json", filters=_filters(labels))
        return [
            ImageDetails(
                id=one["Id"],
                tags=tuple(one.get("RepoTags") or ()),
                size=one["Size"],
                created=float(one["Created"]),
                labels=one.get("Labels") or {},
            )
            for one in told or ()
        ]

    def pull(self, reference: str, progress: Callable[[str], None], *, auth: tuple[str, str] | None = None) -> None:
        """See `intermodal_docker.engine.Engine`."""
        headers = _login(auth) if auth else {}
        name = reference if registry_of(reference) else on_docker_hub(reference)  # podman means none by it
        for event in lines(self._podman.ask("POST", "/images/pull", headers=headers, reference=name)):
            if event.get("error"):
                raise BackendError(f"podman could not pull {reference}: {event['error']}")
            if event.get("stream"):
                progress(event["stream"].rstrip("\n"))

    def import_image(self, archive: bytes, reference: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        self._podman.read("POST", "/images/import", body=archive, reference=reference)

    def tag(self, image: str, reference: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        repository, tag = split_reference(reference)
        self._podman.read("POST", f"/images/{image}/tag", repo=repository, tag=tag)

    def remove_image(self, reference: str) -> None:
        """See `intermodal_docker.engine.Engine`."""
        with contextlib.suppress(NotThere):
            self._podman.read("DELETE", f"/images/{reference}")

    def close(self) -> None:
        """See `intermodal_docker.engine.Engine`."""
        self._podman.close()

    def _list(self, path: str, /, **query: Any) -> Any:
        for _ in range(_LISTINGS - 1):
            try:
                return self._podman.json("GET", path, **query)
            except BackendError as error:
                if not _GONE.search(str(error)):
                    raise
        return self._podman.json("GET", path, **query)

    def _wire(self) -> Wire:
        if not self.remote:
            return LocalWire(self.name, self.address, _VERSION)
        from intermodal_docker.engines import podman_package
        from intermodal_docker.engines.package_wire import PackageWire

        return PackageWire(self.name, self._place, PODMAN_SOCKET, podman_package.sender, podman_package.FAILURES)


def _filters(labels: Mapping[str, str]) -> dict[str, list[str]]:
    return {"label": label_filters(labels)} if labels else {}


def _login(auth: tuple[str, str]) -> dict[str, str]:
    words = json.dumps({"username": auth[0], "password": auth[1]}).encode()
    return {"X-Registry-Auth": base64.urlsafe_b64encode(words).decode()}


def _translated(said: str) -> BackendError:
    if "image not known" in said or ("executable file" in said and "not found" in said):
        return NotThere(said)
    return BackendError(said)
