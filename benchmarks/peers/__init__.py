"""The peers: each a small adapter to one executor, all with the same few verbs."""

from __future__ import annotations

import importlib
from typing import Any, Protocol

__all__ = ["NAMES", "WORKERS", "Peer", "load"]

#: Every peer gets this many worker processes.
WORKERS = 2

_CLASSES = {
    "intermodal": "peers.intermodal_peer:Intermodal",
    "intermodal-unordered": "peers.intermodal_peer:IntermodalUnordered",
    "ppe": "peers.ppe:ProcessPool",
    "ppe-64": "peers.ppe:ProcessPoolChunked",
    "loky": "peers.loky_peer:Loky",
    "ray": "peers.ray_peer:RayTasks",
    "ray-actor": "peers.ray_peer:RayActors",
    "dask": "peers.dask_peer:Dask",
    "parsl": "peers.parsl_peer:Parsl",
}
NAMES = tuple(_CLASSES)


class Peer(Protocol):
    """One executor, running from construction to `close`."""

    #: What it takes part in: "throughput", "latency", "echo-bytes", "echo-numpy".
    parts: frozenset[str]

    def call(self, value: Any) -> Any:
        """`work.noop(value)` in a worker; its result."""
        ...

    def map(self, count: int) -> int:
        """`work.noop` over range(count), all results taken one by one; their sum."""
        ...

    def echo(self, value: Any) -> Any:
        """`work.echo(value)` in a worker; its result, as the caller would use it."""
        ...

    def close(self) -> None:
        """Stop every worker."""
        ...


def load(name: str) -> Peer:
    """Import and start a peer. Raises `KeyError` for an unknown name."""
    module, _, attribute = _CLASSES[name].partition(":")
    peer: Peer = getattr(importlib.import_module(module), attribute)()
    return peer
