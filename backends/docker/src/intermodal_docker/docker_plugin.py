"""The backend's plugin: what the entry point `docker` of group `intermodal.backends` names."""

from __future__ import annotations

from intermodal.plugins import Builder, Capabilities, Config, ContainerDraft, GpuAllocator, Launcher, Options, hookimpl
from intermodal_docker import roles
from intermodal_docker.engine import Engine
from intermodal_docker.options import add_options


def engine_of(config: Config) -> Engine:
    """The engine that the configuration names. It is not asked yet."""
    from intermodal_docker.engines.docker_engine import DockerEngine

    return DockerEngine(config.get("docker.host"))


@hookimpl
def intermodal_addoption(options: Options) -> None:
    """The settings of this backend."""
    add_options(options, "docker")


@hookimpl
def intermodal_builder(config: Config) -> Builder:
    """Images by the engine's own means."""
    return roles.builder(engine_of(config), config)


@hookimpl
def intermodal_launcher(config: Config) -> Launcher:
    """Containers of the engine."""
    return roles.launcher(engine_of(config), config)


@hookimpl
def intermodal_gpus(config: Config) -> GpuAllocator:
    """The declared devices, or those that NVML finds."""
    return roles.gpus(engine_of(config), config)


@hookimpl
def intermodal_capabilities(config: Config) -> Capabilities:
    """What this backend can do."""
    return roles.capabilities(engine_of(config), config)


@hookimpl
def intermodal_modify_container_spec(config: Config, draft: ContainerDraft) -> None:
    """Containers get the certificates and variables of `docker.ca_bundle` and `docker.env`."""
    roles.surround(config, "docker", draft)
