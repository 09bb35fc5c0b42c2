"""The launch role: containers of an engine."""

from __future__ import annotations

import asyncio

from intermodal.plugins import BuiltImage, Config, Container, GpuLease, Launcher, LaunchRefused, OutputSink
from intermodal.specs import ContainerSpec, ResourceTotals
from intermodal_docker.engine import Engine

__all__ = ["EngineLauncher"]


class EngineLauncher(Launcher):
    """See `intermodal.plugins.Launcher`."""

    def __init__(self, engine: Engine, config: Config) -> None:
        self._engine = engine
        self._config = config

    async def totals(self) -> ResourceTotals:
        """See the protocol."""
        info = await asyncio.to_thread(self._engine.info)
        return ResourceTotals(cpu=info.cpus, memory=info.memory, gpus={})

    async def launch(
        self, spec: ContainerSpec, image: BuiltImage, gpus: GpuLease | None, boot: bytes, output: OutputSink
    ) -> Container:
        """See the protocol."""
        raise LaunchRefused("this backend cannot start containers yet")

    async def close(self) -> None:
        """See the protocol."""
        await asyncio.to_thread(self._engine.close)
