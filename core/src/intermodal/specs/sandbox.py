"""A sandbox as the control plane sees it: what is in it, what it may use, how long it lasts."""

from __future__ import annotations

from dataclasses import dataclass

from intermodal.specs.app import BucketSpec, MountSpec, VolumeSpec
from intermodal.specs.image import ImageSpec
from intermodal.specs.resources import Resources

__all__ = ["SandboxSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSpec:
    """One container that is driven by hand (sandbox.*). Durations are seconds.

    Args:
        app: the app that it belongs to.
        argv: its own program, with which it ends; empty: it lasts until something ends it.
        name: unique among the app's running sandboxes.
        env: for all of its processes; secrets' values are no part of this.
        reachable: networks in CIDR form that are reached in spite of `block_network`.
        ports: ports inside that tunnels lead to; `encrypted` are those of them that were asked for so.
        idle_timeout_s: it ends when nothing has run in it for so long.
        pty: its own program has a terminal.
        buckets: the values of their secrets are no part of this.
    """

    app: str
    image: ImageSpec
    argv: tuple[str, ...] = ()
    name: str | None = None
    mounts: tuple[MountSpec, ...] = ()
    resources: Resources = Resources()
    env: tuple[tuple[str, str], ...] = ()
    workdir: str | None = None
    timeout_s: float = 300.0
    idle_timeout_s: float | None = None
    block_network: bool = False
    reachable: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    encrypted: tuple[int, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    pty: bool = False
    volumes: tuple[VolumeSpec, ...] = ()
    buckets: tuple[BucketSpec, ...] = ()
