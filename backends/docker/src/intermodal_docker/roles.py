"""The roles of both backends, given an engine. What is heavy is imported when a role is asked for."""

from __future__ import annotations

from intermodal.plugins import Builder, Capabilities, Config, ContainerDraft, GpuAllocator, Launcher
from intermodal_docker.engine import Engine

__all__ = ["builder", "capabilities", "gpus", "launcher", "surround"]


def builder(engine: Engine, config: Config) -> Builder:
    """The build role."""
    from intermodal_docker.builder import EngineBuilder

    return EngineBuilder(engine, config)


def launcher(engine: Engine, config: Config) -> Launcher:
    """The launch role."""
    from intermodal_docker.launcher import EngineLauncher

    return EngineLauncher(engine, config)


def gpus(engine: Engine, config: Config) -> GpuAllocator:
    """The role of GPU allocation."""
    from intermodal_docker.devices import allocator

    return allocator(config, engine)


def capabilities(engine: Engine) -> Capabilities:
    """What the backend can do, as data. The engine is not asked."""
    from intermodal_docker.capabilities import capabilities as stated

    return stated(remote=engine.remote)


def surround(config: Config, backend: str, draft: ContainerDraft) -> None:
    """Give a container what the settings say that all have."""
    from intermodal_docker.images.options import ImageOptions

    ImageOptions.of(config, backend).surround(draft)
