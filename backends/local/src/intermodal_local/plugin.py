"""The backend's plugin: what the entry point `local` of group `intermodal.backends` names."""

from __future__ import annotations

from intermodal.plugins import Builder, Capabilities, Config, GpuAllocator, Launcher, Options, hookimpl


@hookimpl
def intermodal_addoption(options: Options) -> None:
    """The settings of this backend."""
    options.add(
        "local.isolation",
        default="namespaces",
        choices=("namespaces", "process"),
        help="How containers are kept apart: Linux namespaces, or plain processes where a host allows no namespaces.",
    )
    options.add(
        "local.seccomp",
        default="default",
        choices=("default", "unconfined"),
        help="Whether containers are refused the system calls that container engines refuse by default.",
    )
    options.add(
        "local.gpus",
        type="list",
        default=(),
        help='Declared accelerators, such as ["H100:4", "A100:2"], instead of those that NVML finds.',
    )


@hookimpl
def intermodal_builder(config: Config) -> Builder:
    """Image layers over the host's userland."""
    from intermodal_local.base import prune_bases
    from intermodal_local.images import Grounds, LocalBuilder
    from intermodal_local.images.snapshots import layers_of

    data_dir = config.data_dir
    grounds = Grounds(data_dir, config.get("local.isolation"))
    return LocalBuilder(layers_of(data_dir), grounds.find, lambda older_than_s: prune_bases(data_dir, older_than_s))


@hookimpl
def intermodal_launcher(config: Config) -> Launcher:
    """Containers from namespaces."""
    from intermodal.plugins.gpus import counts, host_gpus
    from intermodal_local.launcher import LocalLauncher

    isolation = config.get("local.isolation")
    filtered = config.get("local.seccomp") == "default"
    return LocalLauncher(
        config.data_dir, isolation=isolation, filtered=filtered, gpus=lambda: counts(host_gpus(config, "local.gpus"))
    )


@hookimpl
def intermodal_gpus(config: Config) -> GpuAllocator:
    """The declared devices, or those that NVML finds."""
    from intermodal.plugins.gpus import host_allocator

    return host_allocator(config, "local.gpus")


@hookimpl
def intermodal_capabilities(config: Config) -> Capabilities:
    """What this host lets the backend do."""
    from intermodal_local.capabilities import capabilities

    return capabilities(config.get("local.isolation"))
