"""The roles of both backends, given an engine. What is heavy is imported when a role is asked for."""

from __future__ import annotations

from intermodal.exception import BackendError
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


def capabilities(engine: Engine, config: Config) -> Capabilities:
    """What the backend can do, as data. An engine elsewhere is not asked: what it cannot limit it refuses at launch."""
    from intermodal_docker.capabilities import capabilities as stated
    from intermodal_docker.known import known_info

    if engine.remote:
        return stated(remote=True)
    try:
        return stated(remote=False, limits=known_info(engine, config.data_dir).limits)
    except BackendError:  # whoever needs it is told so
        return stated(remote=False)
    finally:
        engine.close()


def surround(config: Config, backend: str, draft: ContainerDraft) -> None:
    """Give a container what the settings say that all have."""
    from intermodal_docker.images.options import ImageOptions

    ImageOptions.of(config, backend).surround(draft)
