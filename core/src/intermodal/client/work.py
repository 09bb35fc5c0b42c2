"""What a session is given to do, wherever it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from intermodal.specs import AppSpec

__all__ = ["Work"]


@dataclass(frozen=True)
class Work:
    """An app to run.

    Args:
        app: its spec.
        blobs: what specs name by SHA-256: bytes, or a local file.
        secrets: values by the names that `FunctionSpec.secrets` has.
        build_secrets: values by the names that `ImageSpec.secrets()` has.
        show_output: stream the containers' output to this process's stdout and stderr.
        show_progress: show builds, containers and maps while a person looks.
    """

    app: AppSpec
    blobs: Mapping[str, bytes | Path] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    build_secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    show_output: bool = False
    show_progress: bool = False
