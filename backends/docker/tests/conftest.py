"""The engines of this machine, asked for real."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from intermodal_docker.engine import Engine
from intermodal_docker.engines.docker_engine import DockerEngine
from intermodal_docker.engines.podman_engine import PodmanEngine

ENGINES = {"docker": DockerEngine, "podman": PodmanEngine}


@pytest.fixture(params=[pytest.param(name, marks=pytest.mark.engine(name)) for name in ENGINES])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """Each engine that is here."""
    found: Engine = ENGINES[request.param]()
    yield found
    found.close()
