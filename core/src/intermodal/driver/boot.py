"""What a container is told and given: its spec for the launcher and the boot frame for the guest."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from intermodal.driver.pools import Pool
from intermodal.plugins.commands import GUEST_PATH
from intermodal.plugins.roles import Blobs, BuiltImage, GpuLease
from intermodal.specs import (
    ContainerSpec,
    FileTree,
    FunctionSpec,
    HostMount,
    MountSpec,
    SandboxSpec,
    content_hash,
    to_json,
)
from intermodal.wire.frame import encode
from intermodal.wire.messages import PROTOCOL

__all__ = ["SOURCE_PATH", "Trees", "boot_frame", "container_spec", "sandbox_container"]

#: Where the user's own code is mounted.
SOURCE_PATH = "/root"


class Trees(Protocol):
    """Materialised file trees."""

    def materialise(self, tree: FileTree) -> Path: ...


async def boot_frame(
    container: str, pool: Pool, blobs: Blobs, *, shared_memory: bool, secrets: Mapping[str, Mapping[str, str]]
) -> bytes:
    """The first frame that the guest reads. `shared_memory`: descriptors pass over its stream."""
    function = pool.function
    header = {
        "t": "boot",
        "protocol": PROTOCOL,
        "container": container,
        "app": function.app,
        "name": function.name,
        "key": function.key,
        "target": to_json(function.target),
        "is_class": function.is_class,
        "methods": [to_json(method) for method in function.methods],
        "max_inputs": function.max_inputs,
        "snapshot": function.snapshot,
        "parameters": bool(pool.parameters),
        "shared_memory": shared_memory,
        "secrets": sorted({variable for name in function.secrets for variable in secrets[name]}),
    }
    pickled = function.target.pickled
    code = await asyncio.to_thread(_read, blobs, pickled) if pickled else b""
    return b"".join(encode(header, (code, pool.parameters)))


def _read(blobs: Blobs, blob: str) -> bytes:
    return blobs.path(blob).read_bytes()


async def container_spec(
    container: str,
    pool: Pool,
    image: BuiltImage,
    gpus: GpuLease | None,
    *,
    trees: Trees,
    guest: Path,
    secrets: Mapping[str, Mapping[str, str]],
) -> ContainerSpec:
    """The spec of a container of `pool`. Environment, later wins: defaults (image.defaults), image, function, secrets,
    devices."""
    function = pool.function
    env = {"HOME": "/root", **dict(image.env)}
    env.update(function.env)
    for name in function.secrets:
        env.update(secrets[name])
    if gpus is not None:
        env.update(gpus.env)
    mounts = await asyncio.to_thread(_mounts, function, trees)
    return ContainerSpec(
        id=container,
        app=function.app,
        function=function.name,
        resources=function.resources,
        env=tuple(env.items()),
        workdir=image.workdir,
        network="none" if function.block_network else "host",
        mounts=(HostMount(source=str(guest), target=GUEST_PATH), *mounts),
        python_path=(SOURCE_PATH,),
        snapshot=_snapshot_key(pool, image) if function.snapshot else None,
    )


async def sandbox_container(
    container: str,
    spec: SandboxSpec,
    image: BuiltImage,
    gpus: GpuLease | None,
    secrets: Mapping[str, str],
    *,
    trees: Trees,
    guest: Path,
) -> ContainerSpec:
    """The spec of a sandbox's container. Environment, later wins: defaults, image, sandbox, secrets, devices."""
    env = {"HOME": "/root", **dict(image.env), **dict(spec.env), **secrets, **dict(gpus.env if gpus else ())}
    mounts = await asyncio.to_thread(_shown, spec.mounts, trees) if spec.mounts else []
    return ContainerSpec(
        id=container,
        app=spec.app,
        function="sandbox",
        resources=spec.resources,
        env=tuple(env.items()),
        workdir=spec.workdir or image.workdir,
        network="none" if spec.block_network else "host",
        reachable=spec.reachable,
        mounts=(HostMount(source=str(guest), target=GUEST_PATH), *mounts),
    )


def _mounts(function: FunctionSpec, trees: Trees) -> list[HostMount]:
    mounts = []
    if function.source.tree.entries:
        root = trees.materialise(function.source.tree)
        tops = sorted({entry.path.split("/", 1)[0] for entry in function.source.tree.entries})
        mounts += [HostMount(source=str(root / top), target=f"{SOURCE_PATH}/{top}") for top in tops]
    return mounts + _shown(function.mounts, trees)


def _shown(mounts: Sequence[MountSpec], trees: Trees) -> list[HostMount]:
    return [HostMount(source=str(trees.materialise(mount.tree)), target=mount.target) for mount in mounts]


def _snapshot_key(pool: Pool, image: BuiltImage) -> str:
    return f"{pool.id}-{content_hash(pool.function)[:16]}-{image.id[:16]}"
