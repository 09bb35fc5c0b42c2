"""What a launcher is asked to start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from intermodal.specs.resources import Resources

__all__ = ["ContainerSpec", "HostMount", "Network", "SharedMount", "VolumeMount"]

#: "host": the backend's default, outbound works. "none": nothing is reachable (block_network).
Network = Literal["host", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostMount:
    """Show the host's file or directory `source` read-only at the absolute path `target`.

    What is at `source` does not change while the session lives, so a launcher that copies it may do so once.
    """

    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedMount:
    """Show the host's directory `source` at the absolute path `target` as it is, to read and write.

    `seen_by` is the id of a process of this user in whose user and mount namespaces `source` is; None: in the host's.
    """

    source: str
    target: str
    seen_by: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeMount:
    """Show an overlay of the host directories `lower`, the top-most first, at the absolute path `target`.

    The lower directories lie side by side, never change, and have the format of overlay file systems with `userxattr`.
    What the container writes goes to `upper`, with `work` beside it; both are None where it may write nothing. `place`
    is an empty directory for whoever has to mount it on the host first.
    """

    target: str
    lower: tuple[str, ...]
    upper: str | None
    work: str | None
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """One container. The launcher runs the guest (`python -m intermodal.guest`) in it and hands back the stream to it.

    Args:
        id: unique, `[a-z0-9-]+`; safe in file names, hostnames and labels.
        app, function: for labels and logs only.
        env: what the user's process gets, image environment, devices and secrets merged in. Values may be secret:
            never log them.
        mounts: read-only host paths; the guest bundle and the user's source are among them.
        volumes: of a launcher that states the capability "volumes"; mount them so that nothing in the container can
            unmount them.
        reachable: networks in CIDR form that are reached though `network` is "none", and nothing else, of a bare
            container and a launcher that states the capability "network.cidr_allowlist".
        python_path: directories inside that the guest puts on `sys.path`, in order.
        snapshot: None, or the key of a memory snapshot: containers with one key may be forked from one template.
    """

    id: str
    app: str
    function: str
    resources: Resources = Resources()
    env: tuple[tuple[str, str], ...] = ()
    workdir: str = "/root"
    network: Network = "host"
    reachable: tuple[str, ...] = ()
    mounts: tuple[HostMount, ...] = ()
    volumes: tuple[VolumeMount, ...] = ()
    python_path: tuple[str, ...] = ("/root",)
    snapshot: str | None = None
