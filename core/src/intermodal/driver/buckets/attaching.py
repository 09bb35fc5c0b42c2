"""Containers that see a bucket before any of the user's code runs in them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from intermodal.driver.unclaimed import discard
from intermodal.plugins import BucketContainer, BuiltImage, Container, GpuLease, Launcher, OutputSink
from intermodal.specs import ContainerSpec, SharedMount

__all__ = ["attach", "launch_attached"]


async def attach(container: Container, mounts: Sequence[SharedMount]) -> None:
    """Show them in a container of a backend that states "bucket.mount"."""
    if mounts:
        await cast(BucketContainer, container).attach(mounts)


async def launch_attached(
    launcher: Launcher,
    spec: ContainerSpec,
    image: BuiltImage,
    gpus: GpuLease | None,
    boot: bytes,
    output: OutputSink,
    mounts: Sequence[SharedMount],
) -> Container:
    """Launch, attach the mounts, and only then send the boot frame: the guest waits for it, and imports nothing.

    A snapshot would have been taken without the mounts, so there is none. Raises as `Launcher.launch` and
    `BucketContainer.attach` do; then nothing is left.
    """
    container = await launcher.launch(replace(spec, snapshot=None), image, gpus, b"", output)
    try:
        await attach(container, mounts)
        await asyncio.get_running_loop().sock_sendall(container.stream, boot)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it has ended already: `wait` says how
    except BaseException:
        await discard(container)
        raise
    return container
