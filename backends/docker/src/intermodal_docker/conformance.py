"""How the conformance suite runs these backends. Imported by the suite only, which need not be installed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from intermodal.plugins import Config
from intermodal_conformance.harness import DefaultHarness
from intermodal_docker import docker_plugin, podman_plugin
from intermodal_docker.options import add_options
from intermodal_docker.session import left_containers

__all__ = ["DockerHarness", "PodmanHarness"]

#: Devices to pretend where nobody says which there are: allotting them is what is tested, not computing.
DEVICES = "H100:2,T4:2"
_PLUGINS = {"docker": docker_plugin, "podman": podman_plugin}


class _EngineHarness(DefaultHarness):
    """The default one, with accelerators, and with what the engine still has."""

    backend: str

    @contextlib.contextmanager
    def running(self, data_dir: Path) -> Iterator[None]:
        """See `intermodal_conformance.harness`."""
        if not os.path.exists("/proc/driver/nvidia"):
            os.environ.setdefault(f"INTERMODAL_{self.backend.upper()}_GPUS", DEVICES)
        with super().running(data_dir):
            yield

    def leftovers(self, data_dir: Path) -> Sequence[str]:
        """See `intermodal_conformance.harness`."""
        config = Config.load()
        add_options(config.options, self.backend)
        engine = _PLUGINS[self.backend].engine_of(config)
        try:
            containers = [f"container {one.name} ({one.id[:12]})" for one in left_containers(engine, data_dir)]
        finally:
            engine.close()
        sessions = [f"directory {path}" for path in sorted((data_dir / self.backend / "sessions").glob("*"))]
        return [*super().leftovers(data_dir), *containers, *sessions]


class DockerHarness(_EngineHarness):
    """For docker."""

    backend = "docker"


class PodmanHarness(_EngineHarness):
    """For podman."""

    backend = "podman"
