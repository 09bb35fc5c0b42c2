"""How the conformance suite runs these backends. Imported by the suite only, which need not be installed."""

from __future__ import annotations

from intermodal_conformance.harness import DefaultHarness

__all__ = ["DockerHarness", "PodmanHarness"]


class DockerHarness(DefaultHarness):
    """The default one, for docker."""


class PodmanHarness(DefaultHarness):
    """The default one, for podman."""
