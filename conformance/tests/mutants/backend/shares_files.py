"""Containers are plain processes that see each other's files, and the backend claims that each has its own."""

from __future__ import annotations

from intermodal.plugins import Builder, Capabilities, Config, Launcher, hookimpl
from intermodal_local.capabilities import capabilities
from intermodal_local.images import Grounds, LocalBuilder
from intermodal_local.launcher import LocalLauncher


@hookimpl
def intermodal_builder(config: Config) -> Builder:
    return LocalBuilder(config.data_dir / "local" / "layers", Grounds(config.data_dir, "process").find)


@hookimpl
def intermodal_launcher(config: Config) -> Launcher:
    return LocalLauncher(config.data_dir, isolation="process")


@hookimpl
def intermodal_capabilities() -> Capabilities:
    return capabilities("namespaces")
