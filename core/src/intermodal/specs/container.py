"""What a launcher is asked to start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from intermodal.specs.resources import Resources

__all__ = ["ContainerSpec", "HostMount", "Network"]

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
class ContainerSpec:
    """One container. The launcher runs the guest (`python -m intermodal.guest`) in it and hands back the stream to it.

    Args:
        id: unique, `[a-z0-9-]+`; safe in file names, hostnames and labels.
        app, function: for labels and logs only.
        env: what the user's process gets, image environment, devices and secrets merged in. Values may be secret:
            never log them.
        mounts: read-only host paths; the guest bundle and the user's source are among them.
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
    mounts: tuple[HostMount, ...] = ()
    python_path: tuple[str, ...] = ("/root",)
    snapshot: str | None = None
